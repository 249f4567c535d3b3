// What a server says, as the client of the call shall get it: results with the client's id and in the form of its era,
// notifications with its tokens and under the server's name. Content is not looked into, but for what the two eras, or two
// servers with the same URI, oblige us to change.

import type { Era } from "../catalogue/catalogue.ts";
import { isAtLeast, logLevelOf, type LogLevel } from "../client.ts";
import { Edits, isEmptyObject, rebuilt, textIn } from "../../bytes/edits.ts";
import { memberFinder, MemberRefusal, valueOf, type Span } from "../../bytes/members.ts";
import type { ServerNotification, ServerResponse } from "../wire/message.ts";

const findResult = memberFinder(["result>structuredContent", "result>ttlMs", "result>cacheScope"]);
const findErrorCode = memberFinder(["error>code"]);
/** What only modern results hold. */
const modernMembers: ReadonlySet<string> = new Set(["resultType", "ttlMs", "cacheScope"]);
const cacheable: ReadonlySet<string> = new Set(["resources/read"]);

/** `id` is the text of the client's id. */
export function resultFor(to: Era, from: Era, method: string, id: string, { bytes, at }: ServerResponse): Buffer {
  const edits = new Edits().replace(at.id, id);
  if (to === from) return edits.apply(bytes);
  if (at.result !== undefined && bytes[at.result.start] === openBrace) {
    if (to === "modern") asModern(bytes, method, at.result, at.resultType !== undefined, edits);
    else edits.replace(at.result, asLegacy(bytes, at.result));
  } else if (at.error !== undefined && to === "modern") errorAsModern(bytes, edits);
  return edits.apply(bytes);
}

const openBrace = 0x7b;

function asModern(bytes: Buffer, method: string, result: Span, hasType: boolean, edits: Edits): void {
  let adds = hasType ? "" : '"resultType":"complete",';
  if (cacheable.has(method)) {
    const found = findResult(bytes);
    if (found["result>ttlMs"] === undefined) adds += '"ttlMs":0,';
    if (found["result>cacheScope"] === undefined) adds += '"cacheScope":"private",';
  }
  if (adds === "") return;
  edits.insert(result.start + 1, isEmptyObject(bytes, result) ? adds.slice(0, -1) : adds);
}

function asLegacy(bytes: Buffer, result: { start: number; end: number }): Buffer {
  const structured = findResult(bytes)["result>structuredContent"];
  // Clients before 2026-07-28 know objects alone here; the text says the same.
  const isHeld = structured === undefined || bytes[structured.start] === openBrace;
  return rebuilt(bytes, result, {
    keeps: (member) => !modernMembers.has(member) && (isHeld || member !== "structuredContent"),
  });
}

/** Codes that the modern revision retired. */
const retired: ReadonlyMap<number, number> = new Map([[-32002, -32602]]);

function errorAsModern(bytes: Buffer, edits: Edits): void {
  const span = findErrorCode(bytes)["error>code"];
  const code = span && retired.get(Number(valueOf(bytes, span)));
  if (span !== undefined && code !== undefined) edits.replace(span, String(code));
}

const findProgress = memberFinder(["params>progressToken", "params>progress"]);
const findLog = memberFinder(["params>level", "params>logger"]);

export type Hearing = {
  /** The call's id at this hop, which is its progress token there. */
  readonly id: number;
  /** The client's own token, as JSON; undefined where it wants no progress. */
  readonly token: string | undefined;
  readonly server: string;
  /** What the client wants to hear: nothing, or from this level on. */
  readonly hears: (level: LogLevel) => boolean;
};

export class Notifications {
  private readonly hearing: Hearing;
  private id: number;
  private lastProgress = Number.NEGATIVE_INFINITY;

  constructor(hearing: Hearing) {
    this.hearing = hearing;
    this.id = hearing.id;
  }

  /** The call goes on under another id. */
  expect(id: number): void {
    this.id = id;
  }

  /** Undefined for what this client is not to hear. */
  forClient({ method, bytes }: ServerNotification): Buffer | undefined {
    try {
      if (method === "notifications/progress") return this.progress(bytes);
      return method === "notifications/message" ? this.log(bytes) : undefined;
    } catch (error) {
      if (error instanceof MemberRefusal) return undefined;
      throw error;
    }
  }

  private progress(bytes: Buffer): Buffer | undefined {
    const { "params>progressToken": token, "params>progress": progress } = findProgress(bytes);
    if (token === undefined || this.hearing.token === undefined) return undefined;
    if (textIn(bytes, token) !== String(this.id)) return undefined;
    const value = progress === undefined ? Number.NaN : Number(valueOf(bytes, progress));
    // It only ever grows: what does not is old, or another call's.
    if (!(value > this.lastProgress)) return undefined;
    this.lastProgress = value;
    return new Edits().replace(token, this.hearing.token).apply(bytes);
  }

  private log(bytes: Buffer): Buffer | undefined {
    const { "params>level": at, "params>logger": logger } = findLog(bytes);
    const level = at && logLevelOf(valueOf(bytes, at));
    if (at === undefined || level === undefined || !this.hearing.hears(level)) return undefined;
    return logNamed(this.hearing.server, bytes, at, logger);
  }
}

/** A log message with the server's name before its logger's. */
export function logNamed(
  server: string,
  bytes: Buffer,
  level: { start: number; end: number },
  logger: { start: number; end: number } | undefined,
): Buffer {
  if (logger === undefined) return new Edits().insert(level.end, `,"logger":${JSON.stringify(server)}`).apply(bytes);
  return new Edits().replace(logger, JSON.stringify(`${server}/${String(valueOf(bytes, logger))}`)).apply(bytes);
}

export function hearsFrom(least: LogLevel | undefined): (level: LogLevel) => boolean {
  return (level) => least !== undefined && isAtLeast(level, least);
}
