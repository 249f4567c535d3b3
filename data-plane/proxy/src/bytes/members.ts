// Finds where members of a JSON object stand in its bytes, so that the few that the gate reads or replaces can be cut out
// and the rest is relayed as it came. It accepts exactly JSON, in valid UTF-8, up to a depth: what it cannot read it does
// not guess at. A wanted member that occurs twice is refused, after unescaping and ignoring case, because readers differ in
// which of two they take (Go's takes `Name` for `name`, and the last one wins). It builds no values and keeps no copy.

import { isUtf8 } from "node:buffer";
import { endOfPlain, windowOf } from "./json-text.ts";
import type { TextWindow } from "./text-window.ts";

export type Span = { readonly start: number; readonly end: number };

type Wanted = { name: string; codes: Uint8Array; path: string; inside: Wanted[]; ofEach: Wanted[] };

export type MemberProblem = "not-json" | "not-an-object" | "duplicate-member" | "too-deep";

export class MemberRefusal extends Error {
  readonly problem: MemberProblem;

  constructor(problem: MemberProblem) {
    super(problem);
    this.problem = problem;
  }
}

/** Does it with a message out of a stream, unless that turns out not to be readable: what comes behind it still is. */
export function unlessUnreadable(take: () => void): void {
  try {
    take();
  } catch (error) {
    if (!(error instanceof MemberRefusal)) throw error;
  }
}

export type Spans<Path extends string> = {
  readonly [P in Path]: P extends `${string}>*>${string}` ? readonly Span[] : Span | undefined;
};

/** No more of the members that a path through an array leads to are found: whoever decides on them refuses a full list. */
export const listedMembersMax = 256;

/**
 * A finder for some members, made once: `["method", "params>name"]` finds the top-level `method`, and `name` in the object
 * `params`; `tools>*>model` finds the `model` of each object in the array `tools`, and no path leads further than that. It
 * throws `MemberRefusal`. `within` is the span of an object that was scanned before, else it is all bytes.
 */
export function memberFinder<const Path extends string>(
  paths: readonly Path[],
): (bytes: Uint8Array, within?: Span) => Spans<Path> {
  const wanted = compile(paths);
  const listed = paths.filter((path) => path.includes(`${each}${separator}`));
  const none = Object.fromEntries(paths.map((path) => [path, undefined]));
  return (bytes, within) => {
    if (within === undefined && !isUtf8(bytes)) throw new MemberRefusal("not-json");
    const scanner = new Scanner(bytes, within?.start ?? 0, within?.end ?? bytes.length, { ...none });
    scanner.document(wanted);
    // Every path that was asked for has been a key of `found` from the beginning.
    if (listed.length === 0) return scanner.found as Spans<Path>;
    const lists = Object.fromEntries(listed.map((path) => [path, scanner.lists?.get(path) ?? []]));
    return { ...scanner.found, ...lists } as Spans<Path>;
  };
}

/** An object's members, one after the other, doubles included: `key` is the span of the name with its quotes. */
export function visitMembers(bytes: Uint8Array, within: Span, visit: (key: Span, value: Span) => void): void {
  new Scanner(bytes, within.start, within.end, {}).members(visit);
}

/** An array's elements, one after the other: whoever has had enough of them throws. */
export function visitElements(bytes: Uint8Array, within: Span, visit: (element: Span) => void): void {
  new Scanner(bytes, within.start, within.end, {}).elements(visit);
}

function compile(paths: readonly string[]): readonly Wanted[] {
  const root: Wanted[] = [];
  for (const path of paths) {
    let members = root;
    let elements: Wanted[] = [];
    let prefix = "";
    for (const name of path.split(separator)) {
      if (name === each) members = elements;
      else {
        let member = members.find((known) => known.name === name);
        if (member === undefined)
          members.push((member = { name, codes: Buffer.from(name), path: prefix + name, inside: [], ofEach: [] }));
        members = member.inside;
        elements = member.ofEach;
      }
      prefix += name + separator;
    }
  }
  return root;
}

/** Names of members hold dots and slashes; none that is wanted holds this. */
const separator = ">";
const each = "*";
const depthMax = 128;
const nothing: readonly Wanted[] = [];
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

class Scanner {
  readonly bytes: Uint8Array;
  readonly window: TextWindow | undefined;
  readonly end: number;
  readonly found: Record<string, Span | undefined>;
  lists: Map<string, Span[]> | undefined;
  at: number;
  depth = 0;

  constructor(bytes: Uint8Array, start: number, end: number, found: Record<string, Span | undefined>) {
    this.bytes = bytes;
    this.window = windowOf(bytes, start, end);
    this.at = start;
    this.end = end;
    this.found = found;
  }

  document(wanted: readonly Wanted[]): void {
    this.space();
    if (this.peek() !== openBrace) {
      this.value();
      this.finish();
      throw new MemberRefusal("not-an-object");
    }
    this.object(wanted);
    this.finish();
  }

  members(visit: (key: Span, value: Span) => void): void {
    this.space();
    this.expect(openBrace);
    this.space();
    if (this.take(closeBrace)) return this.finish();
    do {
      this.space();
      const key = this.at;
      this.name();
      const keyEnd = this.at;
      this.space();
      this.expect(colon);
      this.space();
      const start = this.at;
      this.value();
      visit({ start: key, end: keyEnd }, { start, end: this.at });
      this.space();
    } while (this.take(comma));
    this.expect(closeBrace);
    this.finish();
  }

  elements(visit: (element: Span) => void): void {
    this.space();
    this.expect(openBracket);
    this.space();
    if (this.take(closeBracket)) return this.finish();
    do {
      this.space();
      const start = this.at;
      this.value();
      visit({ start, end: this.at });
      this.space();
    } while (this.take(comma));
    this.expect(closeBracket);
    this.finish();
  }

  private finish(): void {
    this.space();
    if (this.at !== this.end) throw new MemberRefusal("not-json");
  }

  private object(wanted: readonly Wanted[]): void {
    this.descend();
    this.expect(openBrace);
    this.space();
    if (!this.take(closeBrace)) {
      do {
        this.space();
        const keyStart = this.at;
        this.name();
        const member = wanted.length === 0 ? undefined : this.wantedNamed(wanted, keyStart, this.at);
        this.space();
        this.expect(colon);
        this.space();
        const start = this.at;
        if (member === undefined) this.value();
        else if (member.inside.length > 0 && this.peek() === openBrace) this.object(member.inside);
        else if (member.ofEach.length > 0 && this.peek() === openBracket) this.array(member.ofEach);
        else this.value();
        if (member !== undefined) this.put(member, start);
        this.space();
      } while (this.take(comma));
      this.expect(closeBrace);
    }
    this.depth--;
  }

  private put(member: Wanted, start: number): void {
    if (this.found[member.path] !== undefined) throw new MemberRefusal("duplicate-member");
    this.found[member.path] = { start, end: this.at };
  }

  /** Takes down what the last element had: the next one may have the same. */
  private list(wanted: readonly Wanted[]): void {
    for (const { path } of wanted) {
      const span = this.found[path];
      if (span === undefined) continue;
      this.found[path] = undefined;
      const lists = (this.lists ??= new Map<string, Span[]>());
      const list = lists.get(path);
      if (list === undefined) lists.set(path, [span]);
      else if (list.length < listedMembersMax) list.push(span);
    }
  }

  /** The wanted member that the key between the quotes names, exactly; what only another reader would take for it refuses. */
  private wantedNamed(wanted: readonly Wanted[], start: number, end: number): Wanted | undefined {
    const length = end - start - 2;
    for (const member of wanted)
      if (member.codes.length === length && this.isKey(member.codes, start + 1)) return member;
    const { bytes } = this;
    for (let at = start + 1; at < end - 1; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === backslash || byte >= 0x80) return this.wantedUnescaped(wanted, start, end);
    }
    return undefined;
  }

  /** Whether the ASCII from `start` on is the name. What is so but for case is refused. */
  private isKey(codes: Uint8Array, start: number): boolean {
    const { bytes } = this;
    let isExact = true;
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at] ?? 0;
      const byte = bytes[start + at] ?? 0;
      if (byte === code) continue;
      const isOtherCase = (byte ^ code) === 0x20 && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
      if (!isOtherCase) return false;
      isExact = false;
    }
    if (!isExact) throw new MemberRefusal("duplicate-member");
    return true;
  }

  private wantedUnescaped(wanted: readonly Wanted[], start: number, end: number): Wanted | undefined {
    const key: unknown = JSON.parse(textOf(this.bytes, start, end));
    const folded = String(key).toLowerCase().replaceAll("\u017f", "s").replaceAll("\u212a", "k");
    const member = wanted.find(({ name }) => name.toLowerCase() === folded);
    if (member !== undefined && member.name !== key) throw new MemberRefusal("duplicate-member");
    return member;
  }

  private value(): void {
    const byte = this.peek();
    if (byte === quote) this.string(this.window);
    else if (byte === openBrace) this.object(nothing);
    else if (byte === openBracket) this.array(nothing);
    else if (byte === 0x74) this.word("true");
    else if (byte === 0x66) this.word("false");
    else if (byte === 0x6e) this.word("null");
    else this.number();
  }

  private array(ofEach: readonly Wanted[]): void {
    this.descend();
    this.at++;
    this.space();
    if (!this.take(closeBracket)) {
      do {
        this.space();
        if (ofEach.length > 0 && this.peek() === openBrace) {
          this.object(ofEach);
          this.list(ofEach);
        } else this.value();
        this.space();
      } while (this.take(comma));
      this.expect(closeBracket);
    }
    this.depth--;
  }

  /** Names are short: to look at their bytes here takes less than to ask the window. */
  private name(): void {
    this.string(undefined);
  }

  private string(window: TextWindow | undefined): void {
    this.expect(quote);
    let at = endOfPlain(this.bytes, window, this.at, this.end);
    while (this.byte(at) === backslash && this.byte(at + 1) === 0x75 && this.areHex(at + 2))
      at = endOfPlain(this.bytes, window, at + 6, this.end);
    if (this.byte(at) !== quote) throw new MemberRefusal("not-json");
    this.at = at + 1;
  }

  private areHex(start: number): boolean {
    for (let at = start; at < start + 4; at++) if (!isHex(this.byte(at))) return false;
    return true;
  }

  private number(): void {
    this.take(0x2d);
    if (!this.take(0x30)) this.digits();
    if (this.take(0x2e)) this.digits();
    if (this.take(0x65) || this.take(0x45)) {
      if (!this.take(0x2b)) this.take(0x2d);
      this.digits();
    }
  }

  private digits(): void {
    const start = this.at;
    while (isDigit(this.peek())) this.at++;
    if (this.at === start) throw new MemberRefusal("not-json");
  }

  private word(word: string): void {
    for (let i = 0; i < word.length; i++) this.expect(word.charCodeAt(i));
  }

  private descend(): void {
    if (++this.depth > depthMax) throw new MemberRefusal("too-deep");
  }

  private space(): void {
    for (let byte = this.peek(); byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = this.peek())
      this.at++;
  }

  private take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at++;
    return true;
  }

  private expect(byte: number): void {
    if (!this.take(byte)) throw new MemberRefusal("not-json");
  }

  private peek(): number {
    return this.byte(this.at);
  }

  /** 0, which stands nowhere in JSON, past the end. */
  private byte(at: number): number {
    return at < this.end ? (this.bytes[at] ?? 0) : 0;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  // A view costs more than the text of a name.
  if (Buffer.isBuffer(bytes)) return bytes.toString("utf8", start, end);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}

/** The value of a short span, such as an id or a name. Never of what is relayed. */
export function valueOf(bytes: Uint8Array, span: Span): unknown {
  const text = textOf(bytes, span.start, span.end);
  // What stands between quotes was scanned: without an escape it is the value.
  return bytes[span.start] === quote && !text.includes("\\") ? text.slice(1, -1) : JSON.parse(text);
}

/** The text at a span; undefined where nothing stands, or no text. */
export function textValue(bytes: Uint8Array, span: Span | undefined): string | undefined {
  const value = span && valueOf(bytes, span);
  return typeof value === "string" ? value : undefined;
}
