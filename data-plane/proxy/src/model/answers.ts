// The gate's own answers at the doors to models. A refusal leaves in the door's envelope, with our code in a header beside it.

import { doorShapeOf } from "@tollgate/kernel/errors";
import { answerJson } from "../http/answer.ts";
import type { Exchange } from "../http/listener.ts";
import type { Refusal } from "../pipeline/call.ts";
import type { Format } from "./format.ts";

const codeHeader = "x-tollgate-code";
const decisionHeader = "x-tollgate-decision-id";

export function refuseIn(
  format: Format,
  { response, requestId }: Exchange,
  { code, detail, data, short }: Refusal,
): void {
  if (response.headersSent || response.destroyed) return;
  const { decisionId }: { decisionId?: unknown } = data ?? {};
  if (typeof decisionId === "string") response.setHeader(decisionHeader, decisionId);
  response.setHeader(codeHeader, code);
  response.setHeader(format.requestIdHeader, requestId);
  if (short !== undefined) {
    const { status, headers, body } = format.shortageAnswer(short.shortage, short.standing, Date.now(), requestId);
    for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
    return answerJson(response, requestId, status, body);
  }
  const { http } = doorShapeOf(code, format.door);
  // The SDKs take it for an order. A key that is refused is refused the next time, too, and so is what a provider cannot do.
  if (http === 401 || http === 501) response.setHeader("x-should-retry", "false");
  answerJson(response, requestId, http, format.errorBody(code, detail, requestId));
}

/** To whoever looks whether somebody is there; it says nothing of the gate. */
export function answerHello({ response, requestId }: Exchange): void {
  answerJson(response, requestId, 200, '{"message":"hello"}');
}
