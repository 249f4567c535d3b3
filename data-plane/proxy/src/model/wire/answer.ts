// What can be read off a provider's answer while it is relayed, in one shape for all protocols. A reader only looks on: it is
// given what goes to the client, holds nothing of it, never fails, and says at any time what it has seen so far. What was used
// where the provider did not say it is not guessed here; `said` tells what is known.

import type { TokenUsage } from "@tollgate/kernel/pricing";
import { EventSplitter } from "../../bytes/event-splitter.ts";
import { MemberProbe, type ProbeEvents, type ProbePlan } from "../../bytes/member-probe.ts";

/** An event stream or one JSON text, as the answer's content type says. */
export type AnswerForm = "events" | "json";

export type AnswerReading = {
  readonly usage: TokenUsage;
  /** Whether the provider has said it, and of the output not only what it was before there was any. */
  readonly said: { readonly input: boolean; readonly output: boolean };
  /** Whether the answer came to its end, as its protocol marks it. */
  readonly isComplete: boolean;
  /** Texts are empty where nothing was said. */
  readonly model: string;
  readonly stopReason: string;
  /** What the client is asked to call; no more than `toolUseIdsMax`. */
  readonly toolUseIds: readonly string[];
  /** Text, reasoning and arguments of calls that came in a stream, in bytes as they are written. */
  readonly seenOutputBytes: number;
  /** What kind of error the answer is or ends with, in the provider's words. */
  readonly error: string;
  /** Whether a stream has shown that the provider ran a tool of its own, whose results the model reads. */
  readonly hasServerTools: boolean;
  /** What other models used within the call; it is no part of `usage`. */
  readonly otherModels: ReadonlyMap<string, TokenUsage>;
};

export interface AnswerReader {
  push(chunk: Buffer): void;
  /** The answer came to an end that HTTP calls one. */
  end(): void;
  reading(): AnswerReading;
}

export const toolUseIdsMax = 64;
const openBracket = 0x5b;

export type AnswerEvents<Path extends string> = ProbeEvents<Path> & {
  /** Whether events of this type say nothing that is waited for. */
  isSkipped(type: string): boolean;
  /** An event is over. Its data was JSON, or a mark such as `[DONE]`. */
  onEvent(type: string, isMark: boolean): void;
};

/** Leads the bytes of an answer to a probe, event by event or as one text. */
export class AnswerBytes<Path extends string> {
  readonly #probe: MemberProbe<Path>;
  readonly #splitter: EventSplitter | undefined;
  /** Of the event that is under way. */
  #firstByte: number | undefined;

  constructor(form: AnswerForm, plan: ProbePlan<Path>, events: AnswerEvents<Path>) {
    const probe = new MemberProbe(plan, events);
    this.#probe = probe;
    if (form === "json") return;
    this.#splitter = new EventSplitter({
      onData: (chunk, start, end, type) => {
        this.#firstByte ??= chunk[start];
        if (!events.isSkipped(type)) probe.push(chunk, start, end);
      },
      onEnd: (type) => {
        // Every event of JSON is an object.
        events.onEvent(type, this.#firstByte === openBracket);
        this.#firstByte = undefined;
        probe.begin();
      },
    });
  }

  push(chunk: Buffer): void {
    if (this.#splitter === undefined) this.#probe.push(chunk);
    else this.#splitter.push(chunk);
  }

  /**
   * The last event may lack the empty line behind it. Where only its connection ends an answer, the event may be cut, too: then
   * it is left, and the answer is not all that it was to be.
   */
  end(): { readonly isCut: boolean } {
    if (this.#probe.isWhole || this.#firstByte === openBracket) this.#splitter?.end();
    return { isCut: this.#firstByte !== undefined };
  }

  /** Of an answer in one text: whether all of it has come. */
  get isWhole(): boolean {
    return this.#splitter === undefined && this.#probe.isWhole;
  }

  get seenOutputBytes(): number {
    return this.#probe.countedBytes;
  }
}
