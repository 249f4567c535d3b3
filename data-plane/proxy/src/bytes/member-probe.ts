// Looks on while JSON goes by in pieces of any size, and tells the few values that somebody waits for. Nothing is held but a
// short value or name that is cut in two, however long the text is and whatever stands in it. It judges nothing: of a text that
// is no JSON it tells what it took it for, until it makes no sense of it any more. Of two members with one name both are told.
// For what is decided on before it is relayed there is `members.ts`, which is strict.

export type ProbedValue = string | number | boolean | null;

export type ProbeEvents<Path extends string> = {
  onValue(path: Path, value: ProbedValue): void;
  /** An object or an array has ended at a path that was asked for. */
  onEnd(path: Path): void;
};

export type Probed<Path extends string> = {
  /** `message>usage>input_tokens`, with a star for the elements of an array: `content>*>type`. */
  readonly paths: readonly Path[];
  /** Of these, the bytes of their texts are counted, as they are written. */
  readonly counted?: readonly string[];
};

type Node<Path extends string> = {
  path: Path | undefined;
  isCounted: boolean;
  members: { readonly codes: Buffer; readonly node: Node<Path> }[];
  element: Node<Path> | undefined;
};

export type ProbePlan<Path extends string> = { readonly root: Node<Path> };

/** Made once for all probes that look for the same. */
export function probePlan<const Path extends string>({ paths, counted = [] }: Probed<Path>): ProbePlan<Path> {
  const root = emptyNode<Path>();
  for (const path of paths) nodeAt(root, path).path = path;
  for (const path of counted) nodeAt(root, path).isCounted = true;
  return { root };
}

function emptyNode<Path extends string>(): Node<Path> {
  return { path: undefined, isCounted: false, members: [], element: undefined };
}

function nodeAt<Path extends string>(root: Node<Path>, path: string): Node<Path> {
  let node = root;
  for (const name of path.split(">")) {
    if (name === "*") node = node.element ??= emptyNode();
    else {
      const codes = Buffer.from(name);
      let member = node.members.find((known) => known.codes.equals(codes));
      if (member === undefined) node.members.push((member = { codes, node: emptyNode() }));
      node = member.node;
    }
  }
  return node;
}

/** Longer names and values are nobody's that is waited for. */
const heldBytesMax = 1_024;
/** From here on a text is searched for its end, and no longer read: calling the search costs as much as so many bytes. */
const readBytesMax = 48;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

type Place = "value" | "key" | "colon" | "behind" | "text" | "key-text" | "word" | "skipped" | "skipped-text" | "over";

export class MemberProbe<Path extends string> {
  readonly #plan: ProbePlan<Path>;
  readonly #events: ProbeEvents<Path>;
  #place: Place = "value";
  /** What the value that comes is waited for as; the objects and arrays around it, as far as they are of the plan. */
  #node: Node<Path> | undefined;
  readonly #around: Node<Path>[] = [];
  readonly #areObjects: boolean[] = [];
  #skippedDepth = 0;
  /** A piece ended between a backslash and what it escapes. */
  #isEscaped = false;
  #held: Buffer | undefined;
  #heldBytes = 0;
  #countedBytes = 0;
  #isWhole = false;

  constructor(plan: ProbePlan<Path>, events: ProbeEvents<Path>) {
    this.#plan = plan;
    this.#events = events;
    this.begin();
  }

  /** Another text follows. */
  begin(): void {
    this.#place = "value";
    this.#node = this.#plan.root;
    this.#around.length = 0;
    this.#areObjects.length = 0;
    this.#skippedDepth = 0;
    this.#isEscaped = false;
    this.#heldBytes = 0;
    this.#isWhole = false;
  }

  /** Whether the text's object or array has ended. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Of all texts since the probe was made. */
  get countedBytes(): number {
    return this.#countedBytes;
  }

  push(piece: Buffer): void {
    const end = piece.length;
    let at = 0;
    while (at < end) {
      switch (this.#place) {
        case "text":
        case "key-text":
          at = this.#text(piece, at);
          break;
        case "word":
          at = this.#word(piece, at);
          break;
        case "skipped":
          at = this.#skipped(piece, at);
          break;
        case "skipped-text":
          at = this.#skippedText(piece, at);
          break;
        case "over":
          return;
        case "value":
        case "key":
        case "colon":
        case "behind":
          at = this.#between(piece, at);
      }
    }
  }

  /** One byte that is no part of a text or a word; a word's first byte is left for the word. */
  #between(piece: Buffer, at: number): number {
    const byte = piece[at];
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1;
    const place = this.#place;
    if (place === "value") {
      if (byte === quote) this.#place = "text";
      else if (byte === openBrace || byte === openBracket) this.#open(byte === openBrace);
      else if (byte === closeBracket) this.#close();
      else if (byte === comma || byte === colon || byte === closeBrace) this.#place = "over";
      else {
        this.#place = "word";
        return at;
      }
    } else if (place === "key") {
      if (byte === quote) this.#place = "key-text";
      else if (byte === closeBrace) this.#close();
      else this.#place = "over";
    } else if (place === "colon") this.#place = byte === colon ? "value" : "over";
    else if (byte === comma) this.#next();
    else if (byte === closeBrace || byte === closeBracket) this.#close();
    else this.#place = "over";
    return at + 1;
  }

  #open(isObject: boolean): void {
    const node = this.#node;
    if (node === undefined || (isObject ? node.members.length === 0 : node.element === undefined)) {
      this.#skippedDepth = 1;
      this.#place = "skipped";
      return;
    }
    this.#around.push(node);
    this.#areObjects.push(isObject);
    this.#next();
  }

  /** What follows a comma, or an opening. */
  #next(): void {
    if (this.#areObjects.at(-1) === true) {
      this.#place = "key";
      return;
    }
    this.#place = "value";
    this.#node = this.#around.at(-1)?.element;
  }

  #close(): void {
    const node = this.#around.pop();
    this.#areObjects.pop();
    if (node === undefined) {
      this.#place = "over";
      return;
    }
    if (node.path !== undefined) this.#events.onEnd(node.path);
    this.#endValue();
  }

  #endValue(): void {
    if (this.#around.length > 0) {
      this.#place = "behind";
      return;
    }
    this.#isWhole = true;
    this.#place = "over";
  }

  #text(piece: Buffer, start: number): number {
    const isKey = this.#place === "key-text";
    const node = this.#node;
    const end = this.#endOfText(piece, start);
    const isEnded = end < piece.length;
    if (!isKey && node?.isCounted === true) this.#countedBytes += end - start;
    if (!isKey && node?.path === undefined) {
      if (isEnded) this.#endValue();
      return end + 1;
    }
    if (!isEnded) this.#hold(piece, start, end);
    else {
      const text = this.#heldWith(piece, start, end);
      if (isKey) {
        this.#node = text && this.#memberNamed(text);
        this.#place = "colon";
      } else {
        const value = text && unescaped(text);
        if (value !== undefined && node?.path !== undefined) this.#events.onValue(node.path, value);
        this.#endValue();
      }
    }
    return end + 1;
  }

  #memberNamed(name: Buffer): Node<Path> | undefined {
    const members = this.#around.at(-1)?.members ?? [];
    for (const { codes, node } of members) if (isSame(codes, name)) return node;
    if (!name.includes(backslash)) return undefined;
    const plain = unescaped(name);
    return plain === undefined ? undefined : members.find(({ codes }) => codes.toString("utf8") === plain)?.node;
  }

  #word(piece: Buffer, start: number): number {
    let end = start;
    while (end < piece.length && isOfWord(piece[end] ?? 0)) end++;
    if (end === piece.length) {
      if (this.#node?.path !== undefined) this.#hold(piece, start, end);
      return end;
    }
    const path = this.#node?.path;
    if (path !== undefined) {
      const text = this.#heldWith(piece, start, end);
      const value = text && wordValue(text);
      if (value !== undefined) this.#events.onValue(path, value);
    }
    this.#endValue();
    return end;
  }

  #skipped(piece: Buffer, start: number): number {
    for (let at = start; at < piece.length; at++) {
      const byte = piece[at];
      if (byte === quote) {
        this.#place = "skipped-text";
        return at + 1;
      }
      if (byte === openBrace || byte === openBracket) this.#skippedDepth++;
      else if ((byte === closeBrace || byte === closeBracket) && --this.#skippedDepth === 0) {
        this.#endValue();
        return at + 1;
      }
    }
    return piece.length;
  }

  #skippedText(piece: Buffer, start: number): number {
    const end = this.#endOfText(piece, start);
    if (end < piece.length) this.#place = "skipped";
    return end + 1;
  }

  /** Where the closing quote stands, else the piece's length. */
  #endOfText(piece: Buffer, start: number): number {
    let at = start;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at++;
    }
    const readEnd = Math.min(piece.length, at + readBytesMax);
    while (at < readEnd) {
      const byte = piece[at];
      if (byte === quote) return at;
      at += byte === backslash ? 2 : 1;
    }
    if (at < piece.length) return this.#searchedEndOfText(piece, at);
    this.#isEscaped = at > piece.length;
    return piece.length;
  }

  #searchedEndOfText(piece: Buffer, start: number): number {
    for (let from = start; ;) {
      const found = piece.indexOf(quote, from);
      const end = found < 0 ? piece.length : found;
      let first = end;
      while (first > start && piece[first - 1] === backslash) first--;
      const isEscaped = (end - first) % 2 === 1;
      if (found < 0) this.#isEscaped = isEscaped;
      if (found < 0 || !isEscaped) return end;
      from = found + 1;
    }
  }

  #hold(piece: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#heldBytes + length <= heldBytesMax) {
      this.#held ??= Buffer.allocUnsafe(heldBytesMax);
      this.#held.set(piece.subarray(start, end), this.#heldBytes);
    }
    this.#heldBytes += length;
  }

  /** What was held and what follows it up to the end; undefined where that is too long. Not a copy. */
  #heldWith(piece: Buffer, start: number, end: number): Buffer | undefined {
    if (this.#heldBytes === 0) return end - start > heldBytesMax ? undefined : piece.subarray(start, end);
    this.#hold(piece, start, end);
    const length = this.#heldBytes;
    this.#heldBytes = 0;
    return length > heldBytesMax ? undefined : this.#held?.subarray(0, length);
  }
}

function isSame(codes: Buffer, name: Buffer): boolean {
  if (codes.length !== name.length) return false;
  for (let at = 0; at < codes.length; at++) if (codes[at] !== name[at]) return false;
  return true;
}

function isOfWord(byte: number): boolean {
  return (
    byte > 0x20 &&
    byte !== comma &&
    byte !== closeBrace &&
    byte !== closeBracket &&
    byte !== quote &&
    byte !== openBrace &&
    byte !== openBracket &&
    byte !== colon
  );
}

function unescaped(text: Buffer): string | undefined {
  if (!text.includes(backslash)) return text.toString("utf8");
  const value = parsed(`"${text.toString("utf8")}"`);
  return typeof value === "string" ? value : undefined;
}

function wordValue(text: Buffer): number | boolean | null | undefined {
  const value = parsed(text.toString("latin1"));
  return typeof value === "number" || typeof value === "boolean" || value === null ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It is not for this side to say that a text is wrong.
    return undefined;
  }
}
