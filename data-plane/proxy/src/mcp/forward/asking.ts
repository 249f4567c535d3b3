// What a legacy client is asked in a call, on the stream of his request: a legacy server's questions one by one, and a modern
// one's as a set. When the call has its answer nobody waits for him any more.

import { TollgateError } from "@tollgate/kernel/errors";
import { capabilityFor } from "../capability-set.ts";
import type { ClientSession } from "../downstream/client-sessions.ts";
import type { Leg } from "./errand.ts";
import { answerOf, type InputRequired } from "./input.ts";

export class Asking {
  /** By the id that the client knows. */
  private readonly outstanding = new Set<string>();

  /** False where the client has as many questions as may be. */
  ask({ call }: Leg, method: string, params: string, onAnswer: (answer: Buffer) => void): boolean {
    const { session, answering } = call;
    const id = session?.ask({ onAnswer });
    if (id === undefined) return false;
    this.outstanding.add(id);
    answering.send(Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`));
    return true;
  }

  /** Throws what is wrong with the set. `onAnswers` is called once, with JSON for each key. */
  askAll(
    leg: Leg,
    { requests }: InputRequired,
    onAnswers: (answers: ReadonlyMap<string, string>) => void,
    onRefused: () => void,
  ): void {
    const answers = new Map<string, string>();
    const next = (): void => {
      if (answers.size === requests.size) onAnswers(answers);
    };
    for (const [key, { method, params }] of requests) {
      const capability = capabilityFor(method);
      if (capability === undefined || !leg.call.client.capabilities.names.has(capability))
        throw wrong(`It asks for ${capability ?? method}, which the client does not support.`);
      const isAsked = this.ask(leg, method, params, (answer) => {
        const result = answerOf(answer);
        if (result === undefined) return onRefused();
        answers.set(key, result);
        next();
      });
      if (!isAsked) throw wrong("It asks more than a client may be asked at a time.");
    }
    if (requests.size === 0) next();
  }

  end(session: ClientSession | undefined): void {
    for (const id of this.outstanding) session?.questions.delete(id);
    this.outstanding.clear();
  }
}

function wrong(detail: string): TollgateError {
  return new TollgateError("upstream.protocol", detail);
}
