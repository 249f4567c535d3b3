// The requests of callers that a server has not answered yet, by the ids that they have on its channel, and in the order in
// which they were sent. It knows which of them a message could belong to that names none.

import { idKey } from "./message.ts";
import type { Reply } from "./reply.ts";
import type { Asked } from "./server-requests.ts";
import type { Session } from "./session.ts";

export type Call = {
  readonly id: number;
  /** The caller's, as text in JSON. */
  readonly callerId: string;
  readonly callerToken: string | undefined;
  readonly method: string;
  readonly session: Session | undefined;
  readonly reply: Reply;
  readonly asked: Asked;
};

export const isListen = ({ method }: Call) => method === "subscriptions/listen";
/** The question by which a caller finds out the era of a server. */
export const isProbe = ({ method }: Call) => method === "server/discover";
/** What messages that name no call can be related to. */
export const isUnderWay = (call: Call) => !isListen(call) && call.method !== "initialize";

export class Calls {
  readonly #byId = new Map<number, Call>();

  get size(): number {
    return this.#byId.size;
  }

  add(call: Call): void {
    this.#byId.set(call.id, call);
    if (call.session !== undefined) call.session.calls++;
  }

  /** False where it was over before. */
  remove({ id, session }: Call): boolean {
    if (!this.#byId.delete(id)) return false;
    if (session !== undefined) {
      session.calls--;
      session.touch();
    }
    return true;
  }

  /** Only a number is an id of ours. */
  get(id: unknown): Call | undefined {
    return typeof id === "number" ? this.#byId.get(id) : undefined;
  }

  all(): readonly Call[] {
    return [...this.#byId.values()];
  }

  ofSession(session: Session): readonly Call[] {
    return this.all().filter((call) => call.session === session);
  }

  /** The newest, where a caller uses an id twice. */
  ofCaller(session: Session, callerId: string): Call | undefined {
    const key = idKey(callerId);
    return this.ofSession(session).findLast((call) => idKey(call.callerId) === key);
  }

  newestUnderWay(): Call | undefined {
    return this.all().findLast(isUnderWay);
  }

  /** Undefined where there are several. */
  onlyUnderWay(): Call | undefined {
    const [one, ...others] = this.all().filter(isUnderWay);
    return others.length === 0 ? one : undefined;
  }
}
