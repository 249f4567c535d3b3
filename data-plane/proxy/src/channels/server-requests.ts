// The questions that a server asked its client and that are not answered yet: each goes where the client is heard just now,
// waits a bounded time where he is not, and gets an error when what it belongs to is over, so that no server waits for ever.
// A channel that several sessions share has none: nobody could say whom they are for.

import type { ChannelLimits } from "./limits.ts";
import { idKey, type Message } from "./message.ts";

/** Where a question was asked: a call, or a stream of the session. */
export type Asked = { relate(message: Buffer): void };

type Open = {
  /** As the server wrote it. */
  readonly id: string;
  where: Asked | undefined;
  /** As long as it waits. */
  held: { readonly message: Buffer; readonly timer: NodeJS.Timeout } | undefined;
};

export type ServerRequests = {
  /** Without a place it waits for `offer`. */
  take(request: Message, where: Asked | undefined): void;
  /** Somebody can be asked now. */
  offer(where: Asked): void;
  /** The id as the server wrote it; undefined where there is no such question. */
  answered(id: string): string | undefined;
  /** The server takes a question back: where it was asked, if anywhere. */
  withdrawn(id: string): Asked | undefined;
  /** What was asked there gets no answer any more. */
  over(where: Asked): void;
  close(): void;
};

export function createServerRequests(
  limits: Pick<ChannelLimits, "serverRequestsMax" | "serverRequestHeldMsMax">,
  refuse: (id: string, reason: string) => void,
): ServerRequests {
  const open = new Map<string, Open>();

  function remove(id: string): Open | undefined {
    const key = idKey(id);
    const found = open.get(key);
    clearTimeout(found?.held?.timer);
    open.delete(key);
    return found;
  }

  function hold({ id, bytes }: Message): Open["held"] {
    const timer = setTimeout(() => {
      remove(id);
      refuse(id, "No call is under way in which the client could be asked.");
    }, limits.serverRequestHeldMsMax);
    return { message: bytes, timer };
  }

  return {
    take(request, where) {
      const { id } = request;
      if (open.size >= limits.serverRequestsMax) return refuse(id, "Too many requests to the client are open.");
      remove(id);
      open.set(idKey(id), { id, where, held: where === undefined ? hold(request) : undefined });
      where?.relate(request.bytes);
    },
    offer(where) {
      for (const question of open.values()) {
        if (question.held === undefined) continue;
        const { message, timer } = question.held;
        clearTimeout(timer);
        question.held = undefined;
        question.where = where;
        where.relate(message);
      }
    },
    answered: (id) => remove(id)?.id,
    withdrawn: (id) => remove(id)?.where,
    over(where) {
      for (const { id, where: asked } of open.values()) {
        if (asked !== where) continue;
        remove(id);
        refuse(id, "The call that this belongs to is over.");
      }
    },
    close() {
      for (const { id } of open.values()) remove(id);
    },
  };
}
