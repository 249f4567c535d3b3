// Most expressions name a few texts of which there are few, such as a team and a model, and are asked about the same ones again
// and again. What one said of them is what it says of them: nothing else comes into it. It is remembered by their values,
// boundedly, because some of them are the client's.

import { purposeOf } from "./bound-call.ts";
import type { Subject } from "./subject.ts";

/** Undefined where it is nothing that is known here. */
type Read = (subject: Subject) => string | undefined;

/** Of the variables, those that have few values, or the same for many calls. */
export const reads: Readonly<Record<string, Read>> = {
  "principal.key.id": ({ principal }) => principal.key.id,
  "principal.key.name": ({ principal }) => principal.key.name,
  "principal.key.purpose": ({ principal }) => purposeOf(principal.key),
  "principal.team.id": ({ principal }) => principal.team.id,
  "principal.team.name": ({ principal }) => principal.team.name,
  "principal.user.id": ({ principal }) => principal.user?.id ?? "",
  "principal.user.name": ({ principal }) => principal.user?.name ?? "",
  "principal.customer.id": ({ principal }) => principal.customer?.id ?? "",
  "principal.customer.name": ({ principal }) => principal.customer?.name ?? "",
  "call.door": ({ call }) => call.door,
  "call.method": ({ call }) => call.method,
  "call.server": ({ call }) => call.server,
  "call.tool": ({ call }) => call.tool,
  "call.prompt": ({ call }) => call.prompt,
  "call.provider": ({ call }) => call.provider,
  "call.model": ({ call }) => call.model,
  "call.stream": ({ call }) => String(call.isStreamed),
};

/** With two hundred policies it is ten megabytes at the very most. */
const valuesMax = 128;
const charsMax = 256;

/** `evaluate`, which names these variables and no others. */
export function remembered<T>(
  variables: readonly string[],
  evaluate: (subject: Subject) => T,
): (subject: Subject) => T {
  const readers: Read[] = [];
  for (const name of variables) {
    const read = Object.hasOwn(reads, name) ? reads[name] : undefined;
    if (read === undefined) return evaluate;
    readers.push(read);
  }
  let known: Known<T> = newKnown();
  let size = 0;
  const keep = (subject: Subject, evaluated: T): void => {
    const values = readers.map((read) => read(subject) ?? "");
    if (values.reduce((chars, { length }) => chars + length, 0) > charsMax) return;
    if (size >= valuesMax) [known, size] = [newKnown(), 0];
    let at = known;
    for (const value of values) {
      const next = at.next.get(value) ?? newKnown<T>();
      at.next.set(value, next);
      at = next;
    }
    at.said = evaluated;
    size += 1;
  };
  return (subject) => {
    let at: Known<T> | undefined = known;
    for (const read of readers) {
      const value = read(subject);
      if (value === undefined) return evaluate(subject);
      at = at?.next.get(value);
    }
    if (at?.said !== undefined) return at.said;
    const evaluated = evaluate(subject);
    keep(subject, evaluated);
    return evaluated;
  };
}

/** By one value after the other: to look up texts that are there costs less than to put them together. */
type Known<T> = { said: T | undefined; readonly next: Map<string, Known<T>> };

function newKnown<T>(): Known<T> {
  return { said: undefined, next: new Map<string, Known<T>>() };
}
