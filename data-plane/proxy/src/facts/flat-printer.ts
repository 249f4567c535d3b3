// Prints messages of the schema into a growing buffer. What a field is comes from the descriptor, compiled once at start; the
// library's own `toBinary` reads the descriptor anew for each message and costs 9 µs a fact where this costs 1. It knows
// exactly what facts are made of (whole numbers, claims, enums, texts, lists of texts) and refuses to be compiled for anything
// else. Texts that a client or a provider may have chosen are cut here, and lists with them, so that a fact is small whatever
// was asked and answered.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";

export type Out = { bytes: Buffer; at: number };

export type Field = {
  readonly name: string;
  /** At most: with tag and length. */
  readonly bytesMax: number;
  print(out: Out, value: unknown): void;
};

export type Body = { readonly fields: readonly Field[]; readonly bytesMax: number };

export const factTextCharsMax = 256;
/** Of a list of texts, such as the ids of what a model asked for; what goes beyond is left out, last first. */
export const factListItemsMax = 64;
export const factItemCharsMax = 128;
/** A field's number and its kind as one or two bytes: numbers are at most `numberMax`. */
const tagBytesMax = 2;
const numberMax = 2_047;
/** Of one text as UTF-8, with tag and length; a surrogate pair is two characters and four bytes. */
const textBytesMax = tagBytesMax + 2 + 3 * factTextCharsMax;
/** Lists that are bounded before they come here need no more room than that. */
const itemsMaxOf: Readonly<Record<string, number>> = { labels: limits.labelsPerCallMax };
/** Lists of names that are the ledger's, and not a client's or a provider's: they come again and again, and are printed once. */
const namesOfOurs: ReadonlySet<string> = new Set(["accounts"]);
const keptNamesMax = 4_000;
export const varintBytesMax = 10;

/** `isPrinted`: of a message of which one caller never fills some fields, those that it pays for. */
export function bodyOf(desc: DescMessage | undefined, isPrinted: (field: DescField) => boolean = () => true): Body {
  if (desc === undefined) throw new Error("a field that was taken for a message is none");
  const compiled = desc.fields.filter(isPrinted).map(fieldOf);
  return { fields: compiled, bytesMax: compiled.reduce((sum, { bytesMax }) => sum + bytesMax, 0) };
}

export function fieldOf(desc: DescField): Field {
  const name = desc.localName;
  if (desc.number > numberMax) throw new Error(`${name} has a number that takes three bytes`);
  if (desc.fieldKind === "enum") return numberField(name, desc.number);
  if (desc.fieldKind === "list" && desc.listKind === "scalar" && desc.scalar === ScalarType.STRING)
    return textsField(name, desc.number);
  if (desc.fieldKind !== "scalar") throw new Error(`${name} is neither text nor number`);
  switch (desc.scalar) {
    case ScalarType.STRING:
      return textField(name, desc.number);
    case ScalarType.UINT32:
    case ScalarType.UINT64:
    case ScalarType.INT64:
      return numberField(name, desc.number);
    case ScalarType.BOOL:
      return claimField(name, desc.number);
    default:
      throw new Error(`${name} is neither text nor a whole number nor a claim`);
  }
}

/** The fields of a message without anything in front of them. */
export function printBody(out: Out, { fields }: Body, message: object): void {
  // A codec's cast: the fields were read off the descriptor of this very message.
  const values = message as Readonly<Record<string, unknown>>;
  for (const field of fields) field.print(out, values[field.name]);
}

/** What `printMessage` puts around a body at most. */
export const messageBytesMax = tagBytesMax + 3;
const twoByteLengthMin = 128;
const threeByteLengthMin = 128 * 128;

/** A message as the field `number` of another. */
export function printMessage(out: Out, number: number, body: Body, message: object): void {
  printTag(out, (number << 3) | 2);
  // Almost every body is between 128 bytes and 16 KiB, so two bytes are kept for the length, and the body moves if it is not.
  const start = out.at;
  out.at += 2;
  printBody(out, body, message);
  const length = out.at - start - 2;
  if (length < twoByteLengthMin || length >= threeByteLengthMin) {
    out.bytes.copyWithin(start + (length < twoByteLengthMin ? 1 : 3), start + 2, out.at);
  }
  out.at = start;
  printVarint(out, length);
  out.at += length;
}

export function reserve(out: Out, bytes: number): void {
  if (out.at + bytes <= out.bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(out.bytes.length * 2, out.at + bytes));
  out.bytes.copy(larger, 0, 0, out.at);
  out.bytes = larger;
}

function numberField(name: string, number: number): Field {
  const tag = number << 3;
  return {
    name,
    bytesMax: tagBytesMax + varintBytesMax,
    print(out, value) {
      const n = Number(value ?? 0);
      if (n === 0) return;
      // A negative number would be ten bytes, and none of what a fact counts is one.
      if (!(n > 0 && (n > Number.MAX_SAFE_INTEGER || Number.isInteger(n)))) throw new Error(`${name} is ${n}`);
      printTag(out, tag);
      if (n <= Number.MAX_SAFE_INTEGER) printVarint(out, n);
      else printLongVarint(out, name, value);
    },
  };
}

/** Beyond what a number holds: exactly, up to where whoever keeps it signed has its end, and as that from there on. */
export const countMax = 2n ** 63n - 1n;

function printLongVarint(out: Out, name: string, value: unknown): void {
  if (typeof value !== "bigint" && typeof value !== "number") throw new Error(`${name} is no number`);
  let rest = value > countMax ? countMax : BigInt(value);
  while (rest >= 0x80n) {
    out.bytes[out.at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  out.bytes[out.at++] = Number(rest);
}

function textField(name: string, number: number): Field {
  const tag = (number << 3) | 2;
  return {
    name,
    bytesMax: textBytesMax,
    print(out, value) {
      const text = typeof value === "string" ? clip(value, factTextCharsMax) : "";
      if (text === "") return;
      printTag(out, tag);
      printText(out, text);
    },
  };
}

function textsField(name: string, number: number): Field {
  const tag = (number << 3) | 2;
  const itemsMax = itemsMaxOf[name] ?? factListItemsMax;
  // So many items of one byte a character; items of more bytes fill it sooner.
  const listBytesMax = itemsMax * (tagBytesMax + 2 + factItemCharsMax);
  const kept = namesOfOurs.has(name) ? new Map<string, Uint8Array>() : undefined;
  return {
    name,
    bytesMax: listBytesMax,
    print(out, value) {
      if (!Array.isArray(value) || value.length === 0) return;
      const items: readonly unknown[] = value;
      const end = out.at + listBytesMax;
      const count = Math.min(items.length, itemsMax);
      for (let at = 0; at < count; at++) {
        const item = items[at];
        const text = typeof item === "string" ? clip(item, factItemCharsMax) : "";
        const left = end - out.at - tagBytesMax - 2;
        // A character has three bytes at most: only near the end they have to be counted.
        if (3 * text.length > left && Buffer.byteLength(text) > left) return;
        if (kept === undefined) printItem(out, tag, text);
        else printKept(out, tag, text, kept);
      }
    },
  };
}

function printItem(out: Out, tag: number, text: string): void {
  printTag(out, tag);
  printText(out, text);
}

function printKept(out: Out, tag: number, text: string, kept: Map<string, Uint8Array>): void {
  const printed = kept.get(text);
  if (printed !== undefined) {
    out.bytes.set(printed, out.at);
    out.at += printed.length;
    return;
  }
  const start = out.at;
  printItem(out, tag, text);
  if (kept.size >= keptNamesMax) kept.clear();
  // A buffer of its own: a piece of the pool that short ones share would keep all of that.
  kept.set(text, new Uint8Array(out.bytes.subarray(start, out.at)));
}

function claimField(name: string, number: number): Field {
  const tag = number << 3;
  return {
    name,
    bytesMax: tagBytesMax + 1,
    print(out, value) {
      if (value !== true) return;
      printTag(out, tag);
      out.bytes[out.at++] = 1;
    },
  };
}

/** Of so few a loop is faster than a call out of the engine. */
const loopedCharsMax = 48;

/** False where it holds anything but ASCII: nothing is printed then. */
function printAscii(out: Out, text: string): boolean {
  const { bytes } = out;
  const start = out.at + 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) return false;
    bytes[start + at] = code;
  }
  bytes[out.at] = text.length;
  out.at = start + text.length;
  return true;
}

/** So few characters almost always have a length of one byte, and for that its place is left: to count first is a call more. */
function printText(out: Out, text: string): void {
  if (text.length <= loopedCharsMax && printAscii(out, text)) return;
  if (text.length >= twoByteLengthMin) printVarint(out, Buffer.byteLength(text));
  const start = text.length >= twoByteLengthMin ? out.at : out.at + 1;
  const length = out.bytes.write(text, start);
  if (text.length >= twoByteLengthMin) out.at = start + length;
  else if (length < twoByteLengthMin) {
    out.bytes[out.at] = length;
    out.at = start + length;
  } else {
    out.bytes.copyWithin(start + 1, start, start + length);
    printVarint(out, length);
    out.at += length;
  }
}

function printTag(out: Out, tag: number): void {
  if (tag < 0x80) {
    out.bytes[out.at++] = tag;
    return;
  }
  out.bytes[out.at++] = (tag & 0x7f) | 0x80;
  out.bytes[out.at++] = tag >> 7;
}

function clip(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : text.slice(0, charsMax).toWellFormed();
}

function printVarint(out: Out, value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    out.bytes[out.at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out.bytes[out.at++] = rest;
}
