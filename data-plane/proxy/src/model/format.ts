// What differs between the doors to models: how errors and lists look, what headers mean, who the client says it is. Each
// protocol has a folder with one of these, in files of the same names; everything else is the same for all.

import type { Shortage, ShortageAnswer, Standing, Tell } from "../pipeline/allowance.ts";
import type { IncomingHttpHeaders } from "node:http";
import type { ErrorCode } from "@tollgate/kernel/errors";
import type { ListedModel } from "@tollgate/kernel/models";
import type { ProviderKind } from "@tollgate/schema/resources";
import type { ModelDescription, ModelDoorName } from "../pipeline/call.ts";
import type { Headroom } from "../pipeline/model-record.ts";
import type { AnswerForm, AnswerReader } from "./wire/answer.ts";
import type { BodyOperation, ModelRequest } from "./wire/request.ts";

/** Of its own words a client says these in headers; empty where it does not. */
export type Work = Pick<ModelDescription, "sessionId" | "agentId" | "parentAgentId">;

/** Takes out of a stream what only the gate asked for. */
export type StreamFilter = { push(chunk: Buffer): Buffer; end(): Buffer };

export type Format = {
  readonly door: ModelDoorName;
  /** Whose providers serve at the door. */
  readonly kind: ProviderKind;
  /** The body of a refusal, in the door's own envelope. */
  errorBody(code: ErrorCode, detail: string | undefined, requestId: string): string;
  shortageAnswer(shortage: Shortage, standing: Standing, nowMs: number, requestId: string): ShortageAnswer;
  /** Lines for the head of an answer. */
  readonly standingLines: Tell;
  /** The same in the middle of a stream, as an event. */
  errorEvent(code: ErrorCode, detail: string | undefined, requestId: string): string;
  /** How the door's own header is called that names a request. */
  readonly requestIdHeader: string;
  /** The answer to a request for all models, or for the page of them that the query asks for. */
  modelsBody(models: readonly ListedModel[], query: URLSearchParams): string;
  modelBody(model: ListedModel): string;
  /** The header that carries a provider's credential, name and value. */
  credentialHeader(secret: string): readonly [name: string, value: string];
  headroomIn(headers: IncomingHttpHeaders): Headroom;
  /** As the provider calls the request. */
  providerRequestId(headers: IncomingHttpHeaders): string;
  workIn(headers: IncomingHttpHeaders): Work;
  /** What looks on while an answer is relayed; undefined where nothing is read of it. */
  readerFor(operation: BodyOperation, form: AnswerForm): AnswerReader | undefined;
  /** Undefined where a stream goes to the client as it comes. */
  filterFor(request: ModelRequest): StreamFilter | undefined;
};
