// What a legacy client is asked in a call, on the stream of his request: a legacy server's questions one by one, and a modern
// one's as a set. When the call has its answer nobody waits for him any more.

import { TollgateError } from "@tollgate/kernel/errors";
import { capabilityFor } from "../capability-set.ts";
import type { ClientSession } from "../downstream/client-sessions.ts";
import type { ServerRequest } from "../wire/message.ts";
import type { Leg } from "./errand.ts";
import { answerOf, errorPart, paramsOf, type InputRequired } from "./input.ts";

export class Asking {
  /** By the id that the client knows. */
  private outstanding: Set<string> | undefined;

  /** A legacy server's question. `reply` gets the member that answers it. */
  pass(leg: Leg, request: ServerRequest, reply: (answer: string) => void): void {
    const isAsked = this.ask(leg, request.method, paramsOf(request), (answer) => {
      const result = answerOf(answer);
      // An error goes on as the client wrote it, under the server's id.
      reply(result === undefined ? errorPart(answer.toString("utf8")) : `"result":${result}`);
    });
    if (!isAsked) reply('"error":{"code":-32603,"message":"The client has too many questions."}');
  }

  /** False where the client has as many questions as may be. */
  private ask({ call }: Leg, method: string, params: string, onAnswer: (answer: Buffer) => void): boolean {
    const { session, answering } = call;
    const id = session?.ask({ of: this, onAnswer });
    if (id === undefined) return false;
    (this.outstanding ??= new Set()).add(id);
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

  /** Whether the client is asked for the sake of this call, as far as anybody can say which that is. */
  isOpen({ call: { session }, server }: Leg): boolean {
    return session !== undefined && (session.isAsked(this) || session.isAsked(server.id));
  }

  end(session: ClientSession | undefined): void {
    for (const id of this.outstanding ?? []) session?.asked(id);
    this.outstanding = undefined;
  }
}

function wrong(detail: string): TollgateError {
  return new TollgateError("upstream.protocol", detail);
}
