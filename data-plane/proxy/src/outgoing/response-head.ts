// Reads the head of a response, strictly: lines that are folded, end otherwise than in CRLF or hold what no header holds, and
// heads that leave open where the message ends, are refused, because whoever reads them otherwise would see another message.

import type { IncomingHttpHeaders } from "node:http";
import { OutgoingError, type ResponseHead } from "./outgoing.ts";

const statusForm = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?\r\n$/;
/** What passes here is said to clients as it is, and nobody looks at it again (`http/gate-response.ts`). */
const fieldForm = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)\r\n$/;
const lengthForm = /^[0-9]{1,15}$/;

/** Of what is said once, the first counts, as Node has it; all else that is said again is joined. */
const single: ReadonlySet<string> = new Set([
  "content-type",
  "etag",
  "last-modified",
  "location",
  "retry-after",
  "server",
]);

export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "counted"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

export type ReadHead = {
  readonly head: ResponseHead;
  readonly framing: Framing;
  /** How long the connection may be used again after this; 0: not at all, undefined: nobody says. */
  readonly keptMs: number | undefined;
};

type Status = { readonly line: string; readonly status: number; readonly isOld: boolean };
type Field = { readonly line: string; readonly name: string; readonly lower: string; readonly value: string };

/** A head that is longer is read anew each time: what is kept of it holds all of its text. */
const keptCharsMax = 2_048;

/** The heads of one connection: they, or their lines, are mostly what they were the last time, and to compare takes a tenth of reading anew. */
export class HeadReader {
  private status: Status | undefined;
  private readonly fields: Field[] = [];
  private last: { readonly text: string; readonly isHead: boolean; readonly read: ReadHead } | undefined;

  /** Lines with their ends. `isHead`: the answer to a HEAD, which has no body whatever it says. */
  read(text: string, isHead: boolean): ReadHead {
    const { last } = this;
    if (last !== undefined && last.text === text && last.isHead === isHead) return last.read;
    const isKept = text.length <= keptCharsMax;
    const read = this.readLines(text, isHead, isKept);
    this.last = isKept ? { text, isHead, read } : undefined;
    return read;
  }

  private readLines(text: string, isHead: boolean, isKept: boolean): ReadHead {
    const first = known(this.status, text, 0) ?? statusIn(lineAt(text, 0));
    if (isKept) this.status = first;
    const { status, isOld } = first;
    const rawHeaders: string[] = [];
    const headers: IncomingHttpHeaders = {};
    for (let at = first.line.length, count = 0; at < text.length; count++) {
      const field = known(this.fields[count], text, at) ?? fieldIn(lineAt(text, at));
      if (isKept) this.fields[count] = field;
      rawHeaders.push(field.name, field.value);
      add(headers, field.lower, field.value);
      at += field.line.length;
    }
    const framing = framingOf(headers, status, isHead, isOld);
    const keptMs = keptMsOf(headers, framing, isOld);
    // Behind it nothing more could come.
    if (status < 200 && (isOld || keptMs === 0)) malformed("an answer before it that closes the connection");
    return { head: { status, headers, rawHeaders }, framing, keptMs };
  }
}

function lineAt(text: string, at: number): string {
  return text.slice(at, text.indexOf("\r\n", at) + 2);
}

/** What was read, if the line at this place is the same. */
function known<Read extends { line: string }>(read: Read | undefined, text: string, at: number): Read | undefined {
  // `startsWith` goes from character to character, and takes more than twice as long.
  return read !== undefined && text.slice(at, at + read.line.length) === read.line ? read : undefined;
}

function statusIn(line: string): Status {
  const [, minor, digits] = statusForm.exec(line) ?? malformed("a status line that is none");
  return { line, status: Number(digits), isOld: minor === "0" };
}

function fieldIn(line: string): Field {
  const [, name = "", sent = ""] = fieldForm.exec(line) ?? malformed("a header that is none");
  const lower = name.toLowerCase();
  // Node's parser takes a tab there for part of the name of the coding, and reads until the connection closes.
  if (lower === "transfer-encoding" && sent.includes("\t")) malformed("a transfer-encoding that is not read here");
  return { line, name, lower, value: trimmed(sent) };
}

/** Of a head that is not whole: whoever speaks another protocol is not waited for. */
export function checkBeginning(rest: Buffer): void {
  const beginning = rest.toString("latin1", 0, 7);
  if (!"HTTP/1.".startsWith(beginning)) malformed("no beginning of HTTP/1.1");
  const line = rest.indexOf(10);
  if (line > 0 && rest[line - 1] !== 13) malformed("a line that does not end in CRLF");
}

/** Every line of a trailer, each with its end, is a header, but none that would say where the body ends; none of them is used. */
export function checkTrailer(text: string): void {
  for (let at = 0; at < text.length;) {
    const line = lineAt(text, at);
    at += line.length;
    const [, name = ""] = fieldForm.exec(line) ?? malformed("a trailer that is none");
    if (/^(?:content-length|transfer-encoding)$/i.test(name)) malformed(`${name} in its trailer`);
  }
}

/** Of spaces and tabs alone: other parsers take nothing else for empty, and would read another value. */
function trimmed(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && isBlank(value, start)) start++;
  while (start < end && isBlank(value, end - 1)) end--;
  return value.slice(start, end);
}

function isBlank(value: string, at: number): boolean {
  const character = value.charCodeAt(at);
  return character === 32 || character === 9;
}

function add(headers: IncomingHttpHeaders, name: string, value: string): void {
  const known = headers[name];
  if (name === "set-cookie") (headers["set-cookie"] ??= []).push(value);
  else if (name === "content-length" || name === "transfer-encoding") {
    if (known !== undefined) malformed(`${name} twice`);
    headers[name] = value;
  } else if (name === "__proto__") malformed("a header that is none");
  else if (typeof known !== "string") headers[name] = value;
  else if (!single.has(name)) headers[name] = `${known}, ${value}`;
}

function framingOf(headers: IncomingHttpHeaders, status: number, isHead: boolean, isOld: boolean): Framing {
  const coding = headers["transfer-encoding"];
  const length = headers["content-length"];
  if (coding !== undefined) {
    if (length !== undefined) malformed("two ways to find the end of the body");
    if (isOld || coding.toLowerCase() !== "chunked") malformed("a transfer-encoding that is not read here");
  }
  if (length !== undefined && !lengthForm.test(length)) malformed("a length of the body that is none");
  if (status < 200 || status === 204 || status === 304 || isHead) return { kind: "none" };
  if (coding !== undefined) return { kind: "chunked" };
  return length === undefined ? { kind: "until-close" } : { kind: "counted", bytes: Number(length) };
}

function keptMsOf(headers: IncomingHttpHeaders, framing: Framing, isOld: boolean): number | undefined {
  const wishes = wishesIn(headers.connection);
  if (framing.kind === "until-close" || wishes.includes("close")) return 0;
  if (isOld && !wishes.includes("keep-alive")) return 0;
  const hint = headers["keep-alive"];
  const [, seconds] = (typeof hint === "string" && /(?:^|[,;\s])timeout=([0-9]{1,6})\b/i.exec(hint)) || [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

const noWishes: readonly string[] = [];
const usualWishes: readonly string[] = ["keep-alive"];

function wishesIn(connection: string | undefined): readonly string[] {
  if (connection === undefined) return noWishes;
  if (connection === "keep-alive") return usualWishes;
  return connection
    .toLowerCase()
    .split(",")
    .map((wish) => wish.trim());
}

export function malformed(what: string): never {
  throw new OutgoingError("HTTP_MALFORMED", `An answer has ${what}.`);
}
