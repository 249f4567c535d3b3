// `plain-text.wat` as a module of TypeScript: its bytes stand in it, so nothing has to be found and read when the proxy starts.
import initialise from "wabt";

export async function plainTextModule(text) {
  const wabt = await initialise();
  const module = wabt.parseWat("plain-text.wat", text, { simd: true });
  try {
    module.validate();
    const bytes = Buffer.from(module.toBinary({}).buffer);
    return `// Made from plain-text.wat by \`npm run generate\`.

const bytes = Buffer.from("${bytes.toString("base64")}", "base64");

type Exports = { readonly memory: { readonly buffer: ArrayBuffer }; readonly endOfPlain: (at: number) => number };

/** Of what browsers and Node have, what is used here: the types of neither are at hand. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};

export const { memory, endOfPlain } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
`;
  } finally {
    module.destroy();
  }
}
