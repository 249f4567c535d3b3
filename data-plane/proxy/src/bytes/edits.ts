// Changes of a message's bytes: some spans get other content, everything else stays as it came. Where members have to go or
// come, their object is made anew out of the slices of its other members, which are not looked into. Nothing is parsed
// and nothing that is kept is printed again.

import { textOf, valueOf, visitMembers, type Span } from "./members.ts";

export type Piece = string | Uint8Array;

export class Edits {
  /** In the order of their places; those at one place as they came. */
  private readonly edits: { span: Span; by: Piece }[] = [];

  replace(span: Span, by: Piece): this {
    const { edits } = this;
    // They are few, and mostly come as a scanner found their spans.
    let at = edits.length;
    while (at > 0 && (edits[at - 1]?.span.start ?? 0) > span.start) at--;
    if (at === edits.length) edits.push({ span, by });
    else edits.splice(at, 0, { span, by });
    return this;
  }

  /** Before the first byte that stands at `at`. */
  insert(at: number, piece: Piece): this {
    return this.replace({ start: at, end: at }, piece);
  }

  get isEmpty(): boolean {
    return this.edits.length === 0;
  }

  apply(bytes: Uint8Array): Buffer {
    const { edits } = this;
    let length = bytes.length;
    for (const { span, by } of edits) length += sizeOf(by) - (span.end - span.start);
    const edited = Buffer.allocUnsafe(length);
    let from = 0;
    let at = 0;
    for (const { span, by } of edits) {
      if (span.start < from) throw new Error("two edits are about the same bytes");
      edited.set(bytes.subarray(from, span.start), at);
      at += span.start - from;
      at += put(edited, by, at);
      from = span.end;
    }
    edited.set(bytes.subarray(from), at);
    return edited;
  }
}

function sizeOf(piece: Piece): number {
  return typeof piece === "string" ? Buffer.byteLength(piece) : piece.length;
}

function put(into: Buffer, piece: Piece, at: number): number {
  if (typeof piece === "string") return into.write(piece, at);
  into.set(piece, at);
  return piece.length;
}

export type Rebuilding = {
  /** Members whose name this says no to are left out. */
  readonly keeps?: (name: string) => boolean;
  /** Other values for members that are there, by name. */
  readonly replaces?: ReadonlyMap<string, Piece>;
  /** Put behind those that are kept: name and JSON text. */
  readonly adds?: readonly (readonly [name: string, value: Piece])[];
};

/** The object in `span` without some of its members and with others: each value that is kept has the bytes it had. */
export function rebuilt(bytes: Uint8Array, span: Span, { keeps, replaces, adds = [] }: Rebuilding): Buffer {
  const members: (readonly [name: Piece, value: Piece])[] = [];
  let length = 2;
  const add = (name: Piece, value: Piece): void => {
    length += sizeOf(name) + sizeOf(value) + (members.length === 0 ? 1 : 2);
    members.push([name, value]);
  };
  visitMembers(bytes, span, (key, value) => {
    const name = String(valueOf(bytes, key));
    if (keeps !== undefined && !keeps(name)) return;
    add(bytes.subarray(key.start, key.end), replaces?.get(name) ?? bytes.subarray(value.start, value.end));
  });
  for (const [name, value] of adds) add(JSON.stringify(name), value);
  const made = Buffer.allocUnsafe(length);
  let at = 0;
  made[at++] = openBrace;
  for (const [index, [name, value]] of members.entries()) {
    if (index > 0) made[at++] = comma;
    at += put(made, name, at);
    made[at++] = colon;
    at += put(made, value, at);
  }
  made[at] = closeBrace;
  return made;
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const comma = 0x2c;
const colon = 0x3a;

/** Of what was scanned before, and is an object. */
export function isEmptyObject(bytes: Uint8Array, { start }: Span): boolean {
  let at = start + 1;
  while ((bytes[at] ?? closeBrace) <= space) at++;
  return (bytes[at] ?? closeBrace) === closeBrace;
}

const space = 0x20;

/** The members of an object by name, as spans; the last of doubles. For small objects that are of the gate's concern. */
export function membersOf(bytes: Uint8Array, span: Span): Map<string, Span> {
  const members = new Map<string, Span>();
  visitMembers(bytes, span, (key, value) => void members.set(String(valueOf(bytes, key)), value));
  return members;
}

/** Whether a member of the object occurs twice, however its name is written; not so for what is no object. */
export function hasDoubles(bytes: Uint8Array, span: Span): boolean {
  if (bytes[span.start] !== openBrace) return false;
  let count = 0;
  const names = new Set<unknown>();
  visitMembers(bytes, span, (key) => {
    count++;
    names.add(valueOf(bytes, key));
  });
  return names.size < count;
}

export function slice(bytes: Uint8Array, span: Span): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + span.start, span.end - span.start);
}

export function textIn(bytes: Uint8Array, span: Span): string {
  return textOf(bytes, span.start, span.end);
}
