// Finds the messages in what comes on a connection, one at a time, in pieces of any size. What a piece holds behind the end of
// an answer belongs to nobody: nothing was asked that it could answer. It can be held up between any two bytes.

import { OutgoingError, type ResponseHead } from "./outgoing.ts";
import { checkBeginning, checkTrailer, HeadReader, malformed, type ReadHead } from "./response-head.ts";

export type ResponseSink = {
  onHead(head: ResponseHead): void;
  onBody(chunk: Buffer): void;
  /** `keptMs` as in `ReadHead`; also 0 where more came than was asked for. */
  onEnd(keptMs: number | undefined): void;
};

type Phase = "head" | "counted" | "size" | "chunk" | "chunk-end" | "trailer" | "until-close" | "over";

const nothing = Buffer.alloc(0);
/** Of the ends of the last line and of the empty one behind it. */
const headEndBytes = 4;
/** Extensions are read to be sure that others find the end of the line at the same place. */
const sizeForm =
  /^([0-9a-fA-F]{1,12})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*"))?)*$/;
const sizeBytesMax = 4_096;
/** Answers before the answer: more is a server that will not come to the point. */
const interimMax = 32;

export class ResponseReader {
  private readonly headBytesMax: number;
  private readonly heads = new HeadReader();
  private sink: ResponseSink | undefined;
  private isHead = false;
  private phase: Phase = "over";
  private rest: Buffer = nothing;
  /** `rest` lies in memory that is not ours. */
  private isBorrowed = false;
  private left = 0;
  private interim = 0;
  private keptMs: number | undefined;
  private isPaused = false;
  private isReading = false;

  constructor(headBytesMax: number) {
    this.headBytesMax = headBytesMax;
  }

  get isHeldUp(): boolean {
    return this.isPaused;
  }

  begin(sink: ResponseSink, isHead: boolean): void {
    this.sink = sink;
    this.isHead = isHead;
    this.phase = "head";
    this.interim = 0;
    this.isPaused = false;
  }

  /** The bytes are the caller's again when it returns. Throws what is wrong with them; nothing may come after that. */
  push(bytes: Buffer): void {
    const isFirst = this.rest.length === 0;
    this.rest = isFirst ? bytes : Buffer.concat([this.rest, bytes]);
    this.isBorrowed = isFirst;
    try {
      this.read();
    } finally {
      if (this.isBorrowed && this.rest.length > 0) this.rest = Buffer.from(this.rest);
      this.isBorrowed = false;
    }
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.read();
  }

  /** The other side says nothing more. False where it has not said all. */
  close(): boolean {
    if (this.phase === "until-close") this.end(0);
    return this.phase === "over";
  }

  /** Nobody wants the rest. */
  stop(): void {
    this.phase = "over";
    this.isPaused = false;
    this.rest = nothing;
    this.sink = undefined;
  }

  private read(): void {
    // Who takes the bytes may pause and resume while he does.
    if (this.isReading) return;
    this.isReading = true;
    try {
      while (!this.isPaused && this.phase !== "over" && this.step());
    } finally {
      this.isReading = false;
    }
  }

  /** False where it takes more bytes to go on. */
  private step(): boolean {
    switch (this.phase) {
      case "head":
        return this.takeHead();
      case "size":
        return this.takeSize();
      case "chunk-end":
        return this.takeLineEnd();
      case "trailer":
        return this.takeTrailer();
      case "counted":
        if (this.left > 0) return this.takeBody(this.left);
        this.end(this.keptMs);
        return true;
      case "chunk":
        if (this.left > 0) return this.takeBody(this.left);
        this.phase = "chunk-end";
        return true;
      case "until-close":
        return this.takeBody(Infinity);
      case "over":
        return false;
    }
  }

  private takeHead(): boolean {
    const { rest } = this;
    const end = this.endOf("head");
    if (end < 0) {
      checkBeginning(rest);
      return false;
    }
    this.rest = rest.subarray(end + headEndBytes);
    this.useHead(this.heads.read(rest.toString("latin1", 0, end + 2), this.isHead));
    return true;
  }

  /** Where the empty line is behind headers; below 0 where it has not come. */
  private endOf(what: "head" | "trailer"): number {
    const { rest, headBytesMax } = this;
    const end = emptyLineIn(rest, headBytesMax + headEndBytes);
    if (end < 0 && rest.length >= headBytesMax + headEndBytes)
      throw new OutgoingError("HTTP_HEAD_TOO_LARGE", `A ${what} has more than ${headBytesMax} bytes.`);
    return end;
  }

  private useHead({ head, framing, keptMs }: ReadHead): void {
    if (head.status === 101) malformed("a change of protocol that nobody wanted");
    if (head.status < 200) {
      if (++this.interim > interimMax) malformed("more answers before it than there is any use for");
      return;
    }
    this.keptMs = keptMs;
    this.left = framing.kind === "counted" ? framing.bytes : 0;
    this.phase = framing.kind === "none" ? "counted" : framing.kind === "chunked" ? "size" : framing.kind;
    this.sink?.onHead(head);
  }

  private takeBody(bytesMax: number): boolean {
    const { rest } = this;
    if (rest.length === 0) return false;
    const chunk = rest.length <= bytesMax ? rest : rest.subarray(0, bytesMax);
    this.rest = rest.subarray(chunk.length);
    this.left -= chunk.length;
    this.sink?.onBody(this.isBorrowed ? Buffer.from(chunk) : chunk);
    return true;
  }

  private takeSize(): boolean {
    const { rest } = this;
    const end = rest.indexOf("\r\n", 0, "latin1");
    if (end > sizeBytesMax || (end < 0 && rest.length > sizeBytesMax + 1)) malformed("a chunk of no size");
    if (end < 0) return false;
    const [, digits = ""] = sizeForm.exec(rest.toString("latin1", 0, end)) ?? malformed("a chunk of no size");
    this.rest = rest.subarray(end + 2);
    this.left = Number.parseInt(digits, 16);
    this.phase = this.left === 0 ? "trailer" : "chunk";
    return true;
  }

  private takeLineEnd(): boolean {
    const { rest } = this;
    if (rest.length < 2) return false;
    if (rest[0] !== 13 || rest[1] !== 10) malformed("a chunk that is longer than it says");
    this.rest = rest.subarray(2);
    this.phase = "size";
    return true;
  }

  private takeTrailer(): boolean {
    const { rest } = this;
    if (rest.length < 2) return false;
    const isEmpty = rest[0] === 13 && rest[1] === 10;
    const end = isEmpty ? 0 : this.endOf("trailer");
    if (end < 0) return false;
    if (!isEmpty) checkTrailer(rest.toString("latin1", 0, end + 2));
    this.rest = rest.subarray(end + (isEmpty ? 2 : headEndBytes));
    this.end(this.keptMs);
    return true;
  }

  private end(keptMs: number | undefined): void {
    const { sink, rest } = this;
    this.stop();
    sink?.onEnd(rest.length > 0 ? 0 : keptMs);
  }
}

/** Where an empty line ends the lines before it, within so many bytes; below 0 where none does. To call Node's search takes longer. */
function emptyLineIn(bytes: Buffer, bytesMax: number): number {
  const end = Math.min(bytes.length, bytesMax);
  for (let at = headEndBytes - 1; at < end; at++)
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13) return at - 3;
  return -1;
}
