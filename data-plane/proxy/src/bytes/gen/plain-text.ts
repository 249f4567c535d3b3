// Made from plain-text.wat by `npm run generate`.

const bytes = Buffer.from("AGFzbQEAAAABBgFgAX8BfwMCAQAFBAEBAgIHFwIGbWVtb3J5AgAKZW5kT2ZQbGFpbgAACukBAeYBAgF7CH8DQCAA/QAAACEBIAFB3AD9D/0j/WQhAiABQSL9D/0jIAFBIP0P/Sb9UP1kIQP9DAAACwABAAIAAAAAAAQAAgggAUEP/Q/9Tv0O/QwAAAgAAAQCAQAAAAAAAAAAIAFBBP1t/Q79TkEA/Q/9JP1kIQQgAiAJQX9zcSEFIAVBAXRBqtWq1XpyIAVrQarVqtV6cyEGIAYgAiAJcnMhByAGIAJxQQ92QQFxIQkgAyAHQX9zcUEBdCAHIARBf3NxQf//A3FyIQggCEEARwRAIABBAWsgCGhqDwsgAEEQaiEADAALAAs=", "base64");

type Exports = { readonly memory: { readonly buffer: ArrayBuffer }; readonly endOfPlain: (at: number) => number };

/** Of what browsers and Node have, what is used here: the types of neither are at hand. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};

export const { memory, endOfPlain } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
