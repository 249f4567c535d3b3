// What a kind of API has to be to the listener: how it names its requests, what it puts into each head, how it says an error,
// and what answers there are behind which path. Both kinds are one of these; the listener knows nothing else of them.
import type { Answer } from "./delivery.ts";
import type { Rates } from "./credentials.ts";
import type { JsonObject } from "./json-value.ts";
import type { Asked, Kind, Operation, Reply } from "./reply.ts";
import type { Settled } from "./tokens.ts";

export interface ApiError {
  readonly status: number;
  /** Absent: what the API says with this status. */
  readonly type?: string | undefined;
  readonly message?: string | undefined;
  /** OpenAI's alone. */
  readonly code?: string | undefined;
}

export interface Received {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: JsonObject | undefined;
}

export type Headers = readonly (readonly [string, string])[];

/** An answer that costs nothing and follows no script, or what is asked of a model. */
export type Errand =
  | { readonly type: "answer"; readonly status: number; readonly json: string; readonly isForAll?: boolean }
  | { readonly type: "refusal"; readonly error: ApiError }
  | {
      readonly type: "turn";
      readonly operation: Operation;
      readonly asked: Omit<Asked, "kind" | "operation" | "credential" | "headers">;
    };

export interface Api {
  readonly kind: Kind;
  /** Made from a number that no other request has. */
  requestId(seed: string): string;
  credentialOf(headers: Received["headers"]): string;
  headersOf(requestId: string, rates: Rates): Headers;
  errorBody(error: ApiError, requestId: string): string;
  /** In a stream, in place of the event with this number. */
  errorEvent(error: ApiError, requestId: string, operation: Operation, event: number): string;
  /** What a stream that fails says where a trouble does not. */
  readonly streamErrorStatus: number;
  /** The tier that answers name where nobody chose one. */
  readonly serviceTier: string;
  errandOf(received: Received, models: readonly string[]): Errand;
  answerTo(asked: Asked, reply: Reply, settled: Settled, nowMs: number): Pick<Answer, "isStream" | "pieces">;
}
