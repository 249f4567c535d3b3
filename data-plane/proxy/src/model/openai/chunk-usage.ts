// One event of a `chat/completions` stream without what it has because somebody asked for usage: nothing of it, where it is the
// chunk that says the usage; all but `"usage":null`, where it is another. An event that is not surely one of the two stays as
// it is.

import { carriageReturn, lineFeed } from "../../bytes/line-end.ts";
import { memberFinder, MemberRefusal, visitMembers, valueOf, type Span } from "../../bytes/members.ts";

const comma = 0x2c;
const colon = 0x3a;
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const dataField = Buffer.from("data:");
const nullWord = Buffer.from("null");
const usageName = Buffer.from('"usage"');

type Member = { readonly key: Span; readonly value: Span };

/** The event itself where nothing is changed; undefined where nothing is left. */
export function withoutUsage(event: Buffer): Buffer | undefined {
  const data = onlyDataOf(event);
  if (data === undefined || event[data.start] !== openBrace) return event;
  const named = event.indexOf(usageName, data.start);
  if (named < 0) return event;
  const nullMember = lastNull(event, named, data.end) ?? usageIn(event, data);
  if (nullMember === undefined) return event;
  if (nullMember === "said-alone") return undefined;
  const { start, end } = withComma(event, nullMember);
  const rest = Buffer.allocUnsafe(event.length - (end - start));
  event.copy(rest, 0, 0, start);
  event.copy(rest, start, end);
  return rest;
}

/** What the event's one line of data holds. */
function onlyDataOf(event: Buffer): Span | undefined {
  const firstEnd = event.indexOf(lineFeed);
  // Nearly every event is this line and an empty one.
  if (firstEnd === event.length - 2 && stands(event, 0, dataField) && !event.includes(carriageReturn))
    return { start: behindSpace(event, dataField.length), end: firstEnd };
  let found: Span | undefined;
  for (let at = 0; at < event.length;) {
    let end = at;
    while (end < event.length && event[end] !== lineFeed && event[end] !== carriageReturn) end++;
    if (stands(event, at, dataField)) {
      if (found !== undefined) return undefined;
      found = { start: behindSpace(event, at + dataField.length), end };
    }
    at = end + 1;
  }
  return found;
}

/**
 * The member, where it is null and only plain members follow it: then, in JSON, it is one of the outermost object, and nothing
 * before it has to be read. It is how OpenAI writes it, in every chunk of a stream.
 */
function lastNull(event: Buffer, named: number, end: number): Member | undefined {
  const before = event[beforeSpace(event, named)];
  const nameEnd = named + usageName.length;
  const colonAt = behindSpace(event, nameEnd);
  if ((before !== comma && before !== openBrace) || event[colonAt] !== colon) return undefined;
  const start = behindSpace(event, colonAt + 1);
  const valueEnd = start + nullWord.length;
  if (!stands(event, start, nullWord) || !isPlainToItsEnd(event, valueEnd, end)) return undefined;
  return { key: { start: named, end: nameEnd }, value: { start, end: valueEnd } };
}

function isPlainToItsEnd(event: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = event[at];
    if (byte === closeBrace) return behindSpace(event, at + 1) >= end;
    if (byte === openBrace || byte === openBracket || byte === closeBracket) return false;
    if (byte !== quote) continue;
    for (at++; at < end && event[at] !== quote; at++) if (event[at] === backslash) return false;
  }
  return false;
}

const find = memberFinder(["choices", "usage"]);

/** The member where it is null; or that the event is the one that says the usage and nothing else. */
function usageIn(event: Buffer, data: Span): Member | "said-alone" | undefined {
  const json = event.subarray(data.start, data.end);
  try {
    const { choices, usage } = find(json);
    if (usage === undefined) return undefined;
    if (json[usage.start] === openBrace) return choices && isEmptyArray(json, choices) ? "said-alone" : undefined;
    if (json[usage.start] !== 0x6e) return undefined;
    let member: Member | undefined;
    visitMembers(json, { start: 0, end: json.length }, (key, value) => {
      if (valueOf(json, key) === "usage") member = { key: moved(key, data.start), value: moved(value, data.start) };
    });
    return member;
  } catch (error) {
    // What the gate cannot read it does not change.
    if (error instanceof MemberRefusal) return undefined;
    throw error;
  }
}

function isEmptyArray(json: Buffer, span: Span): boolean {
  return json[span.start] === openBracket && behindSpace(json, span.start + 1) === span.end - 1;
}

function withComma(event: Buffer, { key, value }: Member): Span {
  const before = beforeSpace(event, key.start);
  if (event[before] === comma) return { start: before, end: value.end };
  const behind = behindSpace(event, value.end);
  return { start: key.start, end: event[behind] === comma ? behindSpace(event, behind + 1) : value.end };
}

function moved({ start, end }: Span, by: number): Span {
  return { start: start + by, end: end + by };
}

function stands(bytes: Buffer, start: number, what: Buffer): boolean {
  for (let at = 0; at < what.length; at++) if (bytes[start + at] !== what[at]) return false;
  return true;
}

/** Of a line, which ends before it breaks. */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

function behindSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at++;
  return at;
}

function beforeSpace(bytes: Buffer, start: number): number {
  let at = start - 1;
  while (isSpace(bytes[at])) at--;
  return at;
}
