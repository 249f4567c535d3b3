// `initialize` on one channel. On a channel of one session it is the caller's own; on one that is shared the first caller's
// goes to the server, and everybody after gets the same result. The server learns once that its client is ready. A server
// that does not answer ends.

import type { ChannelLimits } from "./limits.ts";
import { memberText, readMessage, withMembers, type Message } from "./message.ts";
import { problem, type ChannelProblem } from "./problem.ts";
import type { Reply } from "./reply.ts";
import type { Router } from "./router.ts";
import type { Session } from "./session.ts";

export type Initialized = { readonly answer: Buffer; readonly isAccepted: boolean };

const readyMessage = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}');

export class Handshake {
  readonly #router: Router;
  readonly #limits: Pick<ChannelLimits, "initializeMsMax">;
  #outcome: Promise<Message | ChannelProblem> | undefined;
  #isReadySaid = false;

  constructor(router: Router, limits: Pick<ChannelLimits, "initializeMsMax">) {
    this.#router = router;
    this.#limits = limits;
  }

  async initialize(message: Message): Promise<Initialized | ChannelProblem> {
    this.#outcome ??= this.#ask(message);
    const outcome = await this.#outcome;
    if ("code" in outcome) return outcome;
    const isAccepted = memberText(outcome, "result") !== undefined;
    // The next caller's may be another, and better.
    if (!isAccepted) this.#outcome = undefined;
    return { answer: withMembers(outcome, { id: message.id }), isAccepted };
  }

  /** The client says that it is ready: said once, however many clients there are. */
  ready(message: Message, session: Session): void {
    if (!this.#isReadySaid) this.#router.notify(message, session);
    this.#isReadySaid = true;
  }

  /** For a client that calls on a shared channel before the first one has said so. */
  beReady(session: Session): void {
    const message = this.#isReadySaid ? undefined : readMessage(readyMessage);
    if (message !== undefined) this.ready(message, session);
  }

  #ask(message: Message): Promise<Message | ChannelProblem> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const why = "The server did not answer `initialize` in time.";
        void this.#router.close(problem("channel.timeout", why));
      }, this.#limits.initializeMsMax);
      const over = (outcome: Message | ChannelProblem) => {
        clearTimeout(timer);
        resolve(outcome);
      };
      const notRead = problem("channel.protocol", "The server's answer to `initialize` is no message.");
      const reply: Reply = {
        // Nobody listens yet.
        relate: () => undefined,
        answer: (bytes) => over(readMessage(bytes) ?? notRead),
        fail: over,
        end: () => over(notRead),
      };
      this.#router.request(message, undefined, reply);
    });
  }
}
