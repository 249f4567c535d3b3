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

type Member<Path extends string> = { readonly name: string; readonly codes: Buffer; readonly node: Node<Path> };

type Node<Path extends string> = {
  path: Path | undefined;
  isCounted: boolean;
  members: Member<Path>[];
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
      let member = node.members.find((known) => known.name === name);
      if (member === undefined) node.members.push((member = { name, codes: Buffer.from(name), node: emptyNode() }));
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

/** Where the next byte stands. Numbers, because every byte is asked after: the first four are between texts and words. */
const beforeValue = 0;
const beforeKey = 1;
const beforeColon = 2;
const behindValue = 3;
const inText = 4;
const inKey = 5;
const inWord = 6;
const inSkipped = 7;
const inSkippedText = 8;
const isOver = 9;

export class MemberProbe<Path extends string> {
  readonly #plan: ProbePlan<Path>;
  readonly #events: ProbeEvents<Path>;
  #place = beforeValue;
  /** What the value that comes is waited for as; the objects and arrays around it, as far as they are of the plan. */
  #node: Node<Path> | undefined;
  readonly #around: Node<Path>[] = [];
  readonly #areObjects: boolean[] = [];
  /** How many of them there are; the lists keep their room. */
  #depth = 0;
  #skippedDepth = 0;
  /** A piece ended between a backslash and what it escapes. */
  #isEscaped = false;
  #hasEscapes = false;
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
    this.#place = beforeValue;
    this.#node = this.#plan.root;
    this.#depth = 0;
    this.#skippedDepth = 0;
    this.#isEscaped = false;
    this.#hasEscapes = false;
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

  push(piece: Buffer, start = 0, end = piece.length): void {
    let at = start;
    while (at < end) {
      const place = this.#place;
      if (place <= behindValue) at = this.#between(piece, at, end);
      else if (place === inText) at = this.#text(piece, at, end);
      else if (place === inKey) at = this.#key(piece, at, end);
      else if (place === inWord) at = this.#word(piece, at, end);
      else if (place === inSkipped) at = this.#skipped(piece, at, end);
      else if (place === inSkippedText) at = this.#skippedText(piece, at, end);
      else return;
    }
  }

  /** Up to the next text or word. */
  #between(piece: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && this.#place <= behindValue) {
      const byte = piece[at] ?? 0;
      if (byte <= 0x20 && isSpace(byte)) {
        at++;
        continue;
      }
      const place = this.#place;
      if (place === beforeValue) {
        if (!this.#beginsValue(byte)) return at;
      } else if (place === beforeKey) {
        if (byte === quote) this.#place = inKey;
        else if (byte === closeBrace) this.#close();
        else this.#place = isOver;
      } else if (place === beforeColon) this.#place = byte === colon ? beforeValue : isOver;
      else if (byte === comma) this.#next();
      else if (byte === closeBrace || byte === closeBracket) this.#close();
      else this.#place = isOver;
      at++;
    }
    return at;
  }

  /** False where the byte is a word's, and has to be read as that. */
  #beginsValue(byte: number): boolean {
    if (byte === quote) this.#place = inText;
    else if (byte === openBrace || byte === openBracket) this.#open(byte === openBrace);
    else if (byte === closeBracket) this.#close();
    else if (byte === comma || byte === colon || byte === closeBrace) this.#place = isOver;
    else {
      this.#place = inWord;
      return false;
    }
    return true;
  }

  #open(isObject: boolean): void {
    const node = this.#node;
    if (node === undefined || (isObject ? node.members.length === 0 : node.element === undefined)) {
      this.#skippedDepth = 1;
      this.#place = inSkipped;
      return;
    }
    this.#around[this.#depth] = node;
    this.#areObjects[this.#depth] = isObject;
    this.#depth++;
    this.#next();
  }

  /** What follows a comma, or an opening. */
  #next(): void {
    if (this.#areObjects[this.#depth - 1] === true) {
      this.#place = beforeKey;
      return;
    }
    this.#place = beforeValue;
    this.#node = this.#around[this.#depth - 1]?.element;
  }

  #close(): void {
    if (this.#depth === 0) {
      this.#place = isOver;
      return;
    }
    const path = this.#around[--this.#depth]?.path;
    if (path !== undefined) this.#events.onEnd(path);
    this.#endValue();
  }

  #endValue(): void {
    if (this.#depth > 0) {
      this.#place = behindValue;
      return;
    }
    this.#isWhole = true;
    this.#place = isOver;
  }

  #text(piece: Buffer, start: number, pieceEnd: number): number {
    const node = this.#node;
    const end = this.#endOfText(piece, start, pieceEnd);
    if (node?.isCounted === true) this.#countedBytes += end - start;
    if (end === pieceEnd) {
      if (node?.path !== undefined) this.#hold(piece, start, end);
      return end;
    }
    if (node?.path !== undefined) {
      const value = this.#takenText(piece, start, end);
      if (value !== undefined) this.#events.onValue(node.path, value);
    }
    this.#endText();
    this.#endValue();
    return end + 1;
  }

  #key(piece: Buffer, start: number, pieceEnd: number): number {
    const end = this.#endOfText(piece, start, pieceEnd);
    if (end === pieceEnd) {
      this.#hold(piece, start, end);
      return end;
    }
    const members = this.#around[this.#depth - 1]?.members ?? [];
    if (this.#heldBytes === 0 && !this.#hasEscapes) this.#node = memberAt(members, piece, start, end);
    else {
      const name = this.#takenText(piece, start, end);
      this.#node = name === undefined ? undefined : members.find((member) => member.name === name)?.node;
    }
    this.#endText();
    this.#place = beforeColon;
    return end + 1;
  }

  #endText(): void {
    this.#heldBytes = 0;
    this.#hasEscapes = false;
  }

  #word(piece: Buffer, start: number, pieceEnd: number): number {
    let end = start;
    while (end < pieceEnd && isOfWord[piece[end] as number] === 1) end++;
    const path = this.#node?.path;
    if (end === pieceEnd) {
      if (path !== undefined) this.#hold(piece, start, end);
      return end;
    }
    if (path !== undefined) {
      const text = this.#taken(piece, start, end, "latin1");
      const value = text === undefined ? undefined : wordValue(text);
      if (value !== undefined) this.#events.onValue(path, value);
    }
    this.#heldBytes = 0;
    this.#endValue();
    return end;
  }

  #skipped(piece: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = piece[at];
      if (byte === quote) {
        this.#place = inSkippedText;
        return at + 1;
      }
      if (byte === openBrace || byte === openBracket) this.#skippedDepth++;
      else if ((byte === closeBrace || byte === closeBracket) && --this.#skippedDepth === 0) {
        this.#endValue();
        return at + 1;
      }
    }
    return end;
  }

  #skippedText(piece: Buffer, start: number, pieceEnd: number): number {
    const end = this.#endOfText(piece, start, pieceEnd);
    if (end === pieceEnd) return end;
    this.#endText();
    this.#place = inSkipped;
    return end + 1;
  }

  /** Where the closing quote stands, else the piece's end. */
  #endOfText(piece: Buffer, start: number, end: number): number {
    let at = start;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at++;
    }
    const readEnd = Math.min(end, at + readBytesMax);
    while (at < readEnd) {
      const byte = piece[at];
      if (byte === quote) return at;
      if (byte === backslash) {
        this.#hasEscapes = true;
        at++;
      }
      at++;
    }
    if (at < end) return this.#searchedEndOfText(piece, at, end);
    this.#isEscaped = at > end;
    return end;
  }

  #searchedEndOfText(piece: Buffer, start: number, end: number): number {
    for (let from = start; ;) {
      const found = piece.indexOf(quote, from);
      const place = found < 0 || found > end ? end : found;
      let first = place;
      while (first > start && piece[first - 1] === backslash) first--;
      if (first < place) this.#hasEscapes = true;
      const isEscaped = (place - first) % 2 === 1;
      if (place === end) this.#isEscaped = isEscaped;
      if (place === end || !isEscaped) return place;
      from = place + 1;
    }
  }

  #hold(piece: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#heldBytes + length <= heldBytesMax) {
      this.#held ??= Buffer.allocUnsafe(heldBytesMax);
      piece.copy(this.#held, this.#heldBytes, start, end);
    }
    this.#heldBytes += length;
  }

  /** What was held and what follows it up to the end; undefined where that is too long. */
  #taken(piece: Buffer, start: number, end: number, encoding: "utf8" | "latin1"): string | undefined {
    if (this.#heldBytes === 0) return end - start > heldBytesMax ? undefined : piece.toString(encoding, start, end);
    this.#hold(piece, start, end);
    return this.#heldBytes > heldBytesMax ? undefined : this.#held?.toString(encoding, 0, this.#heldBytes);
  }

  #takenText(piece: Buffer, start: number, end: number): string | undefined {
    const text = this.#taken(piece, start, end, "utf8");
    // Escapes in a text that was too long to be read byte by byte may have gone unseen.
    if (text === undefined) return text;
    if (this.#heldBytes === 0 && !this.#hasEscapes && end - start <= readBytesMax) return text;
    return text.includes("\\") ? unescaped(text) : text;
  }
}

function memberAt<Path extends string>(
  members: readonly Member<Path>[],
  piece: Buffer,
  start: number,
  end: number,
): Node<Path> | undefined {
  for (const { codes, node } of members) if (codes.length === end - start && isAt(codes, piece, start)) return node;
  return undefined;
}

function isAt(codes: Buffer, piece: Buffer, start: number): boolean {
  for (let at = 0; at < codes.length; at++) if (codes[at] !== piece[start + at]) return false;
  return true;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** By byte: 1 where a number, or `null`, may have it. */
const isOfWord = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte > 0x20 && ![comma, colon, quote, openBrace, closeBrace, openBracket, closeBracket].includes(byte) ? 1 : 0,
);

function unescaped(text: string): string | undefined {
  const value = parsed(`"${text}"`);
  return typeof value === "string" ? value : undefined;
}

function wordValue(text: string): number | boolean | null | undefined {
  if (text === "null") return null;
  const value = parsed(text);
  return typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It is not for this side to say that a text is wrong.
    return undefined;
  }
}
