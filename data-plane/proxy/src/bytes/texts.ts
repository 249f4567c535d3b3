// The texts in a JSON value, each with where it stands, so that something can be taken out of one and every other byte stays
// as it came. Who asks says by the names of members which texts he means. It goes through bytes that were read as JSON
// before, once and without building values; names of members are never texts.

import { Edits } from "./edits.ts";
import { textOf, type Span } from "./members.ts";

/** What of a value is looked at, by who asks. `undefined`: nothing of it. */
export type Within<Mode> = (mode: Mode, member: string) => Mode | undefined;

export type TextRules<Mode> = {
  readonly start: Mode;
  readonly within: Within<Mode>;
  /** What takes its place; undefined: it stays. */
  readonly change: (text: string, mode: Mode) => string | undefined;
};

type Frame<Mode> = {
  readonly isObject: boolean;
  readonly mode: Mode | undefined;
  next: Mode | undefined;
  isKey: boolean;
};

/** Undefined where nothing changed. */
export function changedTexts<Mode>(bytes: Buffer, span: Span, rules: TextRules<Mode>): Buffer | undefined {
  const edits = new Edits();
  const frames: Frame<Mode>[] = [];
  for (let at = span.start; at < span.end; at++) {
    const byte = bytes[at];
    const frame = frames.at(-1);
    if (byte === openBrace || byte === openBracket) {
      const mode = frame === undefined ? rules.start : frame.next;
      frames.push({ isObject: byte === openBrace, mode, next: mode, isKey: byte === openBrace });
    } else if (byte === closeBrace || byte === closeBracket) frames.pop();
    else if (byte === comma && frame !== undefined) frame.isKey = frame.isObject;
    else if (byte === quote) {
      const end = endOfText(bytes, at);
      if (frame?.isKey === true) {
        frame.isKey = false;
        frame.next = frame.mode === undefined ? undefined : rules.within(frame.mode, valueAt(bytes, at, end));
      } else change(bytes, { start: at, end }, frame === undefined ? rules.start : frame.next, rules, edits);
      at = end - 1;
    }
  }
  return edits.isEmpty ? undefined : edits.apply(bytes);
}

function change<Mode>(bytes: Buffer, at: Span, mode: Mode | undefined, rules: TextRules<Mode>, edits: Edits): void {
  if (mode === undefined) return;
  const changed = rules.change(valueAt(bytes, at.start, at.end), mode);
  if (changed !== undefined) edits.replace(at, JSON.stringify(changed));
}

function valueAt(bytes: Buffer, start: number, end: number): string {
  const text = textOf(bytes, start, end);
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1);
}

function endOfText(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at + 1;
}

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
