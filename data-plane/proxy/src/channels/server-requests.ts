// The questions that a server asked its client and that are not answered yet: each goes where the client is heard just now,
// waits a bounded time where he is not, and gets an error when what it belongs to is over, so that no server waits for ever.
// A channel that several sessions share has none: nobody could say whom they are for.

import type { ChannelLimits } from "./limits.ts";
import type { Message } from "./message.ts";

/** Where a question was asked: a call, or a stream of the session. */
export type Asked = { relate(message: Buffer): void };

type Open = { where: Asked | undefined; message: Buffer; timer: NodeJS.Timeout | undefined };

export type ServerRequests = {
  /** Without a place it waits for `offer`. */
  take(request: Message, where: Asked | undefined): void;
  /** Somebody can be asked now. */
  offer(where: Asked): void;
  /** True where there was such a question. */
  answered(id: string): boolean;
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
    const found = open.get(id);
    clearTimeout(found?.timer);
    open.delete(id);
    return found;
  }

  return {
    take({ id, bytes }, where) {
      if (open.size >= limits.serverRequestsMax) return refuse(id, "Too many requests to the client are open.");
      const timer =
        where === undefined
          ? setTimeout(() => {
              remove(id);
              refuse(id, "No call is under way in which the client could be asked.");
            }, limits.serverRequestHeldMsMax)
          : undefined;
      remove(id);
      open.set(id, { where, message: bytes, timer });
      where?.relate(bytes);
    },
    offer(where) {
      for (const question of open.values()) {
        if (question.where !== undefined) continue;
        clearTimeout(question.timer);
        question.where = where;
        where.relate(question.message);
      }
    },
    answered: (id) => remove(id) !== undefined,
    withdrawn: (id) => remove(id)?.where,
    over(where) {
      for (const [id, question] of open) {
        if (question.where !== where) continue;
        remove(id);
        refuse(id, "The call that this belongs to is over.");
      }
    },
    close() {
      for (const id of open.keys()) remove(id);
    },
  };
}
