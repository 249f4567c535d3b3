// Reads JSON for a decision, and reads nothing that is not there: a number is an integer of 64 bits, a double that is written
// as its own shortest text, or a value of its own that no comparison takes; it is never rounded on the way. An object in
// which two names are the same, or the same but for case, is refused, because the reader behind the gate may take the other
// one. What is nested deeper than `limits.jsonDepthMax` is refused, too.

import { limits } from "../limits.ts";

/** A number that cannot be held exactly, as it was written. */
export class InexactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return `number ${this.text.slice(0, shownCharsMax)}: it cannot be held exactly`;
  }
}

const shownCharsMax = 40;

export type ExactValue = null | boolean | string | bigint | number | InexactNumber | ExactArray | ExactObject;
export type ExactArray = readonly ExactValue[];
export type ExactObject = ReadonlyMap<string, ExactValue>;

export class JsonProblem extends Error {}

export function readExactJson(text: string): ExactValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

export function isExactObject(value: ExactValue): value is ExactObject {
  return value instanceof Map;
}

export function isExactArray(value: ExactValue): value is ExactArray {
  return Array.isArray(value);
}

const space = /[ \t\r\n]*/y;
const string = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const words: readonly (readonly [string, null | boolean])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
];

class Reader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
    this.take(space);
  }

  end(): void {
    if (this.at !== this.text.length) throw new JsonProblem("it is not JSON");
  }

  value(depth: number): ExactValue {
    if (depth > limits.jsonDepthMax) throw new JsonProblem("it is nested too deeply");
    const first = this.text[this.at];
    if (first === "{") return this.object(depth);
    if (first === "[") return this.array(depth);
    if (first === '"') return this.string();
    for (const [word, value] of words)
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        this.take(space);
        return value;
      }
    return exactNumber(this.take(number));
  }

  private object(depth: number): ExactObject {
    const members = new Map<string, ExactValue>();
    const folded = new Set<string>();
    this.open();
    if (this.passes("}")) return members;
    do {
      const name = this.string();
      const one = foldedName(name);
      if (folded.has(one)) throw new JsonProblem("a member occurs twice");
      folded.add(one);
      this.expect(":");
      members.set(name, this.value(depth + 1));
    } while (this.passes(","));
    this.expect("}");
    return members;
  }

  private array(depth: number): ExactArray {
    const elements: ExactValue[] = [];
    this.open();
    if (this.passes("]")) return elements;
    do elements.push(this.value(depth + 1));
    while (this.passes(","));
    this.expect("]");
    return elements;
  }

  private open(): void {
    this.at += 1;
    this.take(space);
  }

  private string(): string {
    return String(JSON.parse(this.take(string)));
  }

  private passes(sign: string): boolean {
    if (this.text[this.at] !== sign) return false;
    this.open();
    return true;
  }

  private expect(sign: string): void {
    if (!this.passes(sign)) throw new JsonProblem("it is not JSON");
  }

  private take(token: RegExp): string {
    token.lastIndex = this.at;
    const [found] = token.exec(this.text) ?? [];
    if (found === undefined) throw new JsonProblem("it is not JSON");
    this.at += found.length;
    if (token !== space) this.take(space);
    return found;
  }
}

/** As readers that do not look at case compare names. */
function foldedName(name: string): string {
  return name.toLowerCase().replaceAll("\u017f", "s").replaceAll("\u212a", "k");
}

const integer = /^-?[0-9]+$/;
/** More digits than 64 bits have. */
const integerCharsMax = 20;

function exactNumber(text: string): bigint | number | InexactNumber {
  if (integer.test(text)) {
    const value = text.length > integerCharsMax ? undefined : BigInt(text);
    return value !== undefined && BigInt.asIntN(64, value) === value ? value : new InexactNumber(text);
  }
  const value = Number(text);
  // Beyond it doubles leave integers out.
  const isDense = Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return isDense && digitsOf(String(value)) === digitsOf(text) ? value : new InexactNumber(text);
}

/** Digits and exponent without what can be written in more than one way, so that `1.50e1` is `15`. */
function digitsOf(text: string): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutZeros(digits);
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${mantissa.startsWith("-") ? "-" : ""}${significant}e${power}`;
}

/** Not by an expression: `0+$` looks at the same zeros again and again. */
function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  return digits.slice(0, end);
}
