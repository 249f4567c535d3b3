// The words in which a test, a benchmark or a demonstration says what the mock provider does: a *reply* is what the model
// says and what it costs, a *trouble* is what goes wrong on the way, and a *script* chooses a reply for what was asked. All
// are plain data but for the script, so that they can come over the wire as JSON. They are the same for both kinds of API.
import type { JsonObject } from "./json-value.ts";

export type Kind = "anthropic" | "openai";

export type Operation = "messages" | "chat/completions" | "responses" | "embeddings";

/** What came, as far as a script wants to know it. */
export interface Asked {
  readonly kind: Kind;
  readonly operation: Operation;
  readonly model: string;
  readonly isStreamed: boolean;
  /** The key that it came with. */
  readonly credential: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: JsonObject;
  /** All text of the last message of a user. */
  readonly lastUserText: string;
  readonly inputTokens: number;
  /** Of each choice. */
  readonly outputTokensMax: number | undefined;
  /** How many answers are wanted; more than one by OpenAI's `n` alone. */
  readonly choices: number;
}

/** What it gives may come later: until then the request is under way, and nothing of it is answered. */
export type Script = (asked: Asked) => Reply | undefined | Promise<Reply | undefined>;

/** Text as it is, or so many tokens of filler. */
export type Wording = { readonly text: string } | { readonly tokens: number };

export type Part =
  | ({ readonly type: "text" } & Wording)
  | ({ readonly type: "thinking"; readonly signature?: string } & Wording)
  | {
      readonly type: "tool";
      readonly name: string;
      readonly input: JsonObject;
      /** Absent: made from the request. */
      readonly id?: string;
      /** A group of tools, in OpenAI's Responses alone. */
      readonly namespace?: string;
    }
  | { readonly type: "web-search"; readonly query: string };

/** Each token of the input is in one of the first four; reasoning is part of the output. */
export interface Usage {
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWrite5mTokens: number;
  readonly cacheWrite1hTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly webSearches: number;
  /** As the provider names it. */
  readonly serviceTier: string;
}

export interface Reply {
  /** Absent: some words about what was asked. */
  readonly content?: readonly Part[];
  /** In the words of the API that is asked. Absent: what follows from the content. */
  readonly stopReason?: string;
  /** What is not said is counted. */
  readonly usage?: Partial<Usage>;
  /** The model that answers, where it is not named as it was asked for. */
  readonly model?: string;
  /** Of text or input in one event of a stream. */
  readonly charsPerEvent?: number;
  /** A ping after each so many events; Anthropic's alone. */
  readonly eventsPerPing?: number;
  readonly trouble?: Trouble;
}

export interface Trouble {
  /** Answers with this error, and bills nothing. */
  readonly status?: number;
  readonly errorType?: string;
  readonly errorMessage?: string;
  readonly retryAfter?: string;
  /** Put into the head, also of an answer without an error. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The request was read whole, and no head comes: the connection ends, is reset, or stays. */
  readonly noHead?: "end" | "reset" | "hang";
  /** What comes is no HTTP, or a body that is no JSON and no events. */
  readonly garbage?: "head" | "body";
  /** So many more headers. */
  readonly headerCount?: number;
  readonly headerValueBytes?: number;
  readonly headDelayMs?: number;
  /** Between the head and the first of the body. */
  readonly bodyDelayMs?: number;
  readonly chunkDelayMs?: number;
  /** The body goes out in pieces of this size, whatever the events are. */
  readonly chunkBytes?: number;
  /** An error in the stream in place of the next event. */
  readonly errorAfterEvents?: number;
  /** The provider breaks the connection. */
  readonly cutAfterBytes?: number;
  readonly cutAfterEvents?: number;
  /** Nothing more comes, and the connection stays until the client goes. */
  readonly hangAfterBytes?: number;
  readonly hangAfterEvents?: number;
  /** How much more is generated, and billed, until it is noticed that the client went. */
  readonly noticeTokens?: number;
  /** Absent: all of a plain answer and of one without a head; of a stream, what was generated until its end or break. */
  readonly billed?: "nothing" | "generated" | "whole";
}
