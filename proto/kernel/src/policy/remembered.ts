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

/** Of a longer text nobody is asked twice. */
const charsMax = 256;
/** Of one expression. With two hundred policies it is twelve megabytes at the very most. */
export const nodesMax = 200;

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
  const before = new SaidBefore<T>(readers);
  return (subject) => {
    const said = before.find(subject);
    if (said !== undefined) return said;
    const evaluated = evaluate(subject);
    before.keep(subject, evaluated);
    return evaluated;
  };
}

type Node<T> = { said: T | undefined; next: Map<string, Node<T>> | undefined };

/** Found by one value after the other: to look up texts that are there costs less than to put them together. */
export class SaidBefore<T> {
  private readonly readers: readonly Read[];
  private first: Node<T> = { said: undefined, next: undefined };
  nodes = 0;

  constructor(readers: readonly Read[]) {
    this.readers = readers;
  }

  find(subject: Subject): T | undefined {
    let node: Node<T> | undefined = this.first;
    for (const read of this.readers) {
      const value = read(subject);
      node = value === undefined ? undefined : node.next?.get(value);
      if (node === undefined) return undefined;
    }
    return node.said;
  }

  keep(subject: Subject, said: T): void {
    const values: string[] = [];
    for (const read of this.readers) {
      const value = read(subject);
      if (value === undefined) return;
      values.push(value);
    }
    if (values.reduce((chars, { length }) => chars + length, 0) > charsMax) return;
    if (this.nodes + values.length > nodesMax) {
      this.first = { said: undefined, next: undefined };
      this.nodes = 0;
    }
    let node = this.first;
    for (const value of values) node = this.below(node, value);
    node.said = said;
  }

  private below(node: Node<T>, value: string): Node<T> {
    node.next ??= new Map<string, Node<T>>();
    const known = node.next.get(value);
    if (known !== undefined) return known;
    const made: Node<T> = { said: undefined, next: undefined };
    node.next.set(value, made);
    this.nodes += 1;
    return made;
  }
}
