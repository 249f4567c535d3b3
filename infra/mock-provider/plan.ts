// Which reply a request gets. In this order: what the request itself carries as JSON in `x-mock-reply`; the reply whose name
// it gives, in `x-mock-reply-name` or as `[[reply:name]]` in its last user's text; the next one in the queue; the script's;
// some words about what was asked. A name that nobody knows is an error, since whoever wrote it meant something.
import { isObject, textOf } from "./json-value.ts";
import type { Asked, Reply, Script } from "./reply.ts";

export const replyHeader = "x-mock-reply";
const nameHeader = "x-mock-reply-name";

export class Plan {
  readonly #script: Script | undefined;
  readonly #named = new Map<string, Reply | Script>();
  readonly #queue: Reply[] = [];

  constructor(script: Script | undefined) {
    this.#script = script;
  }

  /** To each request that gives this name. */
  name(name: string, reply: Reply | Script): void {
    this.#named.set(name, reply);
  }

  /** To the next requests that name none, one each. */
  queue(replies: readonly Reply[]): void {
    this.#queue.push(...replies);
  }

  async replyTo(asked: Asked): Promise<Reply | Error> {
    const carried = textOf(asked.headers[replyHeader]);
    if (carried !== undefined) return replyIn(carried);
    const name = textOf(asked.headers[nameHeader]) ?? /\[\[reply:([^\]]+)\]\]/.exec(asked.lastUserText)?.[1];
    if (name !== undefined) {
      const named = this.#named.get(name);
      if (named === undefined) return new Error(`the mock knows no reply named ${name}`);
      return typeof named === "function" ? ((await named(asked)) ?? {}) : named;
    }
    return this.#queue.shift() ?? (await this.#script?.(asked)) ?? {};
  }
}

/** It is whoever wrote the request that has to know the form; a mock checks no more than that it is an object. */
export function replyIn(json: string): Reply | Error {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : new Error(`${replyHeader} is no object`);
  } catch (error) {
    return new Error(`${replyHeader} is no JSON`, { cause: error });
  }
}
