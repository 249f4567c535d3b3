// OpenAI's API as the listener knows it: `/v1/chat/completions`, `/v1/responses`, `/v1/embeddings` and `/v1/models`. The heads
// have what stands in those of the real one, rate limits and the CDN's among it, because a gate has to pass some of it on
// and keep some of it back.
import type { Api, Errand, Headers, Received } from "../api.ts";
import type { Rates } from "../credentials.ts";
import { lastUserTextIn, numberOf, textOf, type JsonObject } from "../json-value.ts";
import type { Operation } from "../reply.ts";
import { firstNumber, idOf, tokensOfMembers } from "../tokens.ts";
import { chunksOf, completionOf } from "./chat.ts";
import { embeddingTokensIn, embeddingsOf } from "./embeddings.ts";
import { errorBody, errorEvent } from "./errors.ts";
import { responseEventsOf, responseOf } from "./responses.ts";

const createdAtS = 1_767_225_600;
const choicesMax = 128;
const operations: readonly Operation[] = ["chat/completions", "responses", "embeddings"];

export const openAiApi: Api = {
  kind: "openai",
  serviceTier: "default",
  streamErrorStatus: 500,
  requestId: (seed) => `req_${idOf([seed], 32)}`,
  credentialOf: (headers) => /^Bearer (.+)$/i.exec(textOf(headers["authorization"]) ?? "")?.[1] ?? "",
  headersOf,
  errorBody,
  errorEvent,
  errandOf,
  answerTo: (asked, reply, settled, nowMs) => {
    if (asked.operation === "embeddings") return { isStream: false, pieces: [embeddingsOf(asked, reply, settled)] };
    const isChat = asked.operation === "chat/completions";
    if (asked.isStreamed)
      return { isStream: true, pieces: (isChat ? chunksOf : responseEventsOf)(asked, reply, settled, nowMs) };
    return { isStream: false, pieces: [(isChat ? completionOf : responseOf)(asked, reply, settled, nowMs)] };
  },
};

function headersOf(requestId: string, rates: Rates): Headers {
  const { limit, requestsLeft, inputTokensLeft, outputTokensLeft, resetsAtMs, nowMs } = rates;
  const reset = durationOf(resetsAtMs - nowMs);
  return [
    ["access-control-expose-headers", "X-Request-ID"],
    ["openai-organization", "nobody"],
    ["openai-processing-ms", "42"],
    ["openai-project", "proj_of_nobody"],
    ["openai-version", "2020-10-01"],
    ["x-ratelimit-limit-requests", String(limit.requests)],
    ["x-ratelimit-limit-tokens", String(limit.inputTokens + limit.outputTokens)],
    ["x-ratelimit-remaining-requests", String(requestsLeft)],
    ["x-ratelimit-remaining-tokens", String(inputTokensLeft + outputTokensLeft)],
    ["x-ratelimit-reset-requests", reset],
    ["x-ratelimit-reset-tokens", reset],
    ["x-request-id", requestId],
    ["cf-cache-status", "DYNAMIC"],
    ["Set-Cookie", `__cf_bm=${idOf([requestId])}; path=/; HttpOnly; Secure; SameSite=None`],
    ["strict-transport-security", "max-age=31536000; includeSubDomains; preload"],
    ["X-Content-Type-Options", "nosniff"],
    ["Server", "cloudflare"],
    ["CF-RAY", `${idOf([requestId], 16)}-FRA`],
    ["alt-svc", 'h3=":443"; ma=86400'],
  ];
}

/** As Go writes one: `17ms`, `8.64s`, `6m0s`. */
function durationOf(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.ceil(ms))}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.ceil(ms - minutes * 60_000) / 1000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}

function errandOf({ method, path, body }: Received, models: readonly string[]): Errand {
  if (method === "GET" && path === "/v1/models") return answer({ object: "list", data: models.map(infoOf) });
  if (method === "GET" && path.startsWith("/v1/models/")) {
    const id = path.slice("/v1/models/".length);
    return models.includes(id) ? answer(infoOf(id)) : unknownModel(id);
  }
  const operation = operations.find((each) => path === `/v1/${each}`);
  if (method !== "POST" || operation === undefined) return refuse(404, `Invalid URL (${method} ${path})`);
  if (body === undefined) return refuse(400);
  const model = textOf(body["model"]);
  if (model === undefined) return refuse(400, "you must provide a model parameter");
  if (models.length > 0 && !models.includes(model)) return unknownModel(model);
  return turnOf(operation, body, model);
}

function turnOf(operation: Operation, body: JsonObject, model: string): Errand {
  const said = body[operation === "chat/completions" ? "messages" : "input"];
  if (said === undefined) return refuse(400, "Missing required parameter: 'messages' or 'input'.");
  const asked = {
    model,
    isStreamed: operation !== "embeddings" && body["stream"] === true,
    body,
    lastUserText: lastUserTextIn(said),
    inputTokens:
      operation === "embeddings"
        ? embeddingTokensIn(said)
        : tokensOfMembers(body, ["messages", "input", "instructions", "tools"]),
    outputTokensMax: firstNumber(body, ["max_completion_tokens", "max_output_tokens", "max_tokens"]),
    choices: operation === "chat/completions" ? Math.min(choicesMax, numberOf(body["n"]) ?? 1) : 1,
  };
  return { type: "turn", operation, asked };
}

function answer(value: JsonObject): Errand {
  return { type: "answer", status: 200, json: `${JSON.stringify(value, undefined, 2)}\n` };
}

function refuse(status: number, message?: string): Errand {
  return { type: "refusal", error: { status, message } };
}

function unknownModel(id: string): Errand {
  const message = `The model \`${id}\` does not exist or you do not have access to it.`;
  return { type: "refusal", error: { status: 404, message, code: "model_not_found" } };
}

function infoOf(id: string) {
  return { id, object: "model", created: createdAtS, owned_by: "system" };
}
