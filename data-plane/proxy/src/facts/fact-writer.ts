// Prints facts as spool records straight into one growing buffer, a turn's worth of them one behind the other, so that a
// turn is one write and a fact costs no allocation. What a field is comes from the schema's descriptor, compiled once at
// start; the library's own `toBinary` reads the descriptor anew for each message and costs 9 µs a fact where this costs 1.
// It knows exactly what facts are made of (whole numbers, enums, texts, one level of messages) and refuses to be compiled
// for anything else. Texts that a client may have chosen are cut here, so that a fact is small whatever was asked.
import type { DescField, DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { CallRefusedSchema, ToolCallCompletedSchema } from "@tollgate/schema/usage";
import { FactSchema } from "@tollgate/schema/usage";
import { headerBytes, sealRecord } from "./spool-file.ts";

export type FactInit = {
  readonly requestId: string;
  readonly kind:
    | { readonly case: "toolCallCompleted"; readonly value: MessageInitShape<typeof ToolCallCompletedSchema> }
    | { readonly case: "callRefused"; readonly value: MessageInitShape<typeof CallRefusedSchema> };
};

export const factTextCharsMax = 256;
/** Of one text as UTF-8, with tag and length; a surrogate pair is two characters and four bytes. */
const textBytesMax = 3 * factTextCharsMax + 4;
const varintBytesMax = 10;
const keptBytesMax = 1024 * 1024;

export type FactWriter = {
  add(seq: bigint, timeMs: number, init: FactInit): void;
  /** How many facts are waiting. */
  count(): number;
  /** The records since the last `take`; the bytes stay as they are until the next `add`. */
  take(): Uint8Array;
};

export function createFactWriter(): FactWriter {
  const out: Out = { bytes: Buffer.allocUnsafe(64 * 1024), at: 0 };
  let count = 0;
  return {
    add(seq, timeMs, { requestId, kind }) {
      const body = bodies[kind.case];
      reserve(out, headerBytes + outerBytesMax + body.bytesMax);
      const start = out.at;
      try {
        out.at += headerBytes;
        fact.seq(out, seq);
        fact.timeMs(out, timeMs);
        fact.requestId(out, requestId);
        writeMessage(out, body, kind.value);
        sealRecord(out.bytes, start, out.at);
        count += 1;
      } catch (error) {
        out.at = start;
        throw error;
      }
    },
    count: () => count,
    take() {
      const taken = out.bytes.subarray(0, out.at);
      // A burst must not be remembered for ever, and the bytes taken are not written over before the next `add`.
      if (out.bytes.length > keptBytesMax) out.bytes = Buffer.allocUnsafe(64 * 1024);
      out.at = 0;
      count = 0;
      return taken;
    },
  };
}

type Out = { bytes: Buffer; at: number };
type Print = (out: Out, value: unknown) => void;
type Field = { readonly name: string; readonly print: Print; readonly bytesMax: number };
type Body = { readonly tag: number; readonly fields: readonly Field[]; readonly bytesMax: number };

const fact = {
  seq: fieldOf(FactSchema.field.seq).print,
  timeMs: fieldOf(FactSchema.field.timeMs).print,
  requestId: fieldOf(FactSchema.field.requestId).print,
};
const bodies = {
  toolCallCompleted: bodyOf(FactSchema.field.toolCallCompleted),
  callRefused: bodyOf(FactSchema.field.callRefused),
} as const satisfies Record<FactInit["kind"]["case"], Body>;
const outerBytesMax = 2 * (1 + varintBytesMax) + textBytesMax;

function bodyOf({ message, number }: DescField): Body {
  if (message === undefined) throw new Error(`field ${number} of a fact is no message`);
  const fields = fieldsOf(message);
  const bytesMax = fields.reduce((sum, field) => sum + field.bytesMax, varintBytesMax);
  return { tag: (number << 3) | 2, fields, bytesMax };
}

function fieldsOf({ fields }: DescMessage): Field[] {
  return fields.map(fieldOf);
}

function fieldOf(desc: DescField): Field {
  const name = desc.localName;
  if (desc.number >= 16) throw new Error(`${name} has a number that takes two bytes`);
  if (desc.fieldKind === "enum") return numberField(name, desc.number);
  if (desc.fieldKind !== "scalar") throw new Error(`${name} is neither text nor number`);
  switch (desc.scalar) {
    case ScalarType.STRING:
      return textField(name, desc.number);
    case ScalarType.UINT32:
    case ScalarType.UINT64:
    case ScalarType.INT64:
      return numberField(name, desc.number);
    default:
      throw new Error(`${name} is neither text nor a whole number`);
  }
}

function numberField(name: string, number: number): Field {
  const tag = number << 3;
  const print: Print = (out, value) => {
    const n = Number(value ?? 0);
    if (n === 0) return;
    // A negative number would be ten bytes, and none of what a fact counts is one.
    if (n < 0 || !Number.isSafeInteger(n)) throw new Error(`${name} is ${n}`);
    out.bytes[out.at++] = tag;
    writeVarint(out, n);
  };
  return { name, print, bytesMax: 1 + varintBytesMax };
}

function textField(name: string, number: number): Field {
  const tag = (number << 3) | 2;
  const print: Print = (out, value) => {
    const text = typeof value === "string" ? clip(value) : "";
    if (text === "") return;
    out.bytes[out.at++] = tag;
    // At most 42 characters are at most 126 bytes: the length is then one byte and known to be so before it is known.
    if (text.length > 42) writeVarint(out, Buffer.byteLength(text));
    const start = text.length > 42 ? out.at : out.at + 1;
    const length = out.bytes.write(text, start);
    if (text.length <= 42) out.bytes[out.at] = length;
    out.at = start + length;
  };
  return { name, print, bytesMax: textBytesMax };
}

function clip(text: string): string {
  return text.length <= factTextCharsMax ? text : text.slice(0, factTextCharsMax).toWellFormed();
}

function writeMessage(out: Out, { tag, fields }: Body, value: object): void {
  out.bytes[out.at++] = tag;
  // Almost every body is between 128 bytes and 16 KiB, so two bytes are kept for the length and one given back if not.
  const start = out.at;
  out.at += 2;
  // A codec's cast: the fields were read off the descriptor of this very message.
  const values = value as Readonly<Record<string, unknown>>;
  for (const { name, print } of fields) print(out, values[name]);
  const length = out.at - start - 2;
  if (length >= 128) {
    out.bytes[start] = (length & 0x7f) | 0x80;
    out.bytes[start + 1] = length >> 7;
    return;
  }
  out.bytes.copyWithin(start + 1, start + 2, out.at);
  out.bytes[start] = length;
  out.at -= 1;
}

function writeVarint(out: Out, value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    out.bytes[out.at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out.bytes[out.at++] = rest;
}

function reserve(out: Out, bytes: number): void {
  if (out.at + bytes <= out.bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(out.bytes.length * 2, out.at + bytes));
  out.bytes.copy(larger, 0, 0, out.at);
  out.bytes = larger;
}
