// Anthropic's API as the listener knows it: `/v1/messages`, `/v1/messages/count_tokens`, `/v1/models` and its own errands. The
// heads have what stands in those of the real one, rate limits and the CDN's among it, because a gate has to pass some of
// it on and keep some of it back.
import type { Api, ApiError, Errand, Headers, Received } from "../api.ts";
import type { Rates } from "../credentials.ts";
import { lastUserTextIn, listOf, numberOf, textOf, type JsonObject } from "../json-value.ts";
import type { Asked } from "../reply.ts";
import { idOf, tokensOfMembers } from "../tokens.ts";
import { errorBody, errorEvent } from "./errors.ts";
import { eventsOf, messageOf } from "./messages.ts";

const inputMembers = ["system", "messages", "tools"] as const;
const greeting = JSON.stringify({ message: "hello" });
const beginning = "2026-01-01T00:00:00Z";

export const anthropicApi: Api = {
  kind: "anthropic",
  serviceTier: "standard",
  streamErrorStatus: 529,
  requestId: (seed) => `req_011C${idOf([seed], 20)}`,
  credentialOf: (headers) =>
    textOf(headers["x-api-key"]) ?? /^Bearer (.+)$/i.exec(headers.authorization?.toString() ?? "")?.[1] ?? "",
  headersOf,
  errorBody,
  errorEvent,
  errandOf,
  answerTo: (asked, reply, settled) =>
    asked.isStreamed
      ? { isStream: true, pieces: eventsOf(asked, reply, settled) }
      : { isStream: false, pieces: [messageOf(asked, reply, settled)] },
};

function headersOf(requestId: string, rates: Rates): Headers {
  const { limit, requestsLeft, inputTokensLeft, outputTokensLeft, resetsAtMs } = rates;
  const reset = new Date(Math.ceil(resetsAtMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
  const limits = [
    ["requests", limit.requests, requestsLeft],
    ["input-tokens", limit.inputTokens, inputTokensLeft],
    ["output-tokens", limit.outputTokens, outputTokensLeft],
    ["tokens", limit.inputTokens + limit.outputTokens, inputTokensLeft + outputTokensLeft],
  ] as const;
  return [
    ["CF-RAY", `${idOf([requestId], 16)}-FRA`],
    ...limits.flatMap(([name, most, left]) => [
      [`anthropic-ratelimit-${name}-limit`, String(most)] as const,
      [`anthropic-ratelimit-${name}-remaining`, String(left)] as const,
      [`anthropic-ratelimit-${name}-reset`, reset] as const,
    ]),
    ["request-id", requestId],
    ["anthropic-organization-id", "6f1e0d6b-0000-4000-8000-000000000000"],
    ["strict-transport-security", "max-age=31536000; includeSubDomains; preload"],
    ["via", "1.1 google"],
    ["cf-cache-status", "DYNAMIC"],
    ["X-Robots-Tag", "none"],
    ["Set-Cookie", `_cfuvid=${idOf([requestId])}; HttpOnly; SameSite=None; Secure; Path=/`],
    ["Server", "cloudflare"],
  ];
}

function errandOf(received: Received, models: readonly string[]): Errand {
  const { method, path, body } = received;
  if (path === "/api/hello") return { type: "answer", status: 200, json: greeting, isForAll: true };
  if (received.headers["anthropic-version"] === undefined) return refuse(400, "anthropic-version: header is required");
  if (method === "GET" && path === "/v1/models") return { type: "answer", status: 200, json: listOfModels(models) };
  if (method === "GET" && path.startsWith("/v1/models/")) return oneModel(path.slice("/v1/models/".length), models);
  if (method !== "POST" || (path !== "/v1/messages" && path !== "/v1/messages/count_tokens"))
    return refuse(404, "Not found");
  if (body === undefined) return refuse(400, "The request body is not valid JSON");
  return ofMessages(body, path.endsWith("/count_tokens"), models);
}

function ofMessages(body: JsonObject, isCount: boolean, models: readonly string[]): Errand {
  const model = textOf(body["model"]);
  if (model === undefined) return refuse(400, "model: Field required");
  if (!Array.isArray(body["messages"])) return refuse(400, "messages: Field required");
  if (models.length > 0 && !models.includes(model)) return refuse(404, `model: ${model}`);
  const inputTokens = tokensOfMembers(body, inputMembers);
  if (isCount) return { type: "answer", status: 200, json: JSON.stringify({ input_tokens: inputTokens }) };
  const outputTokensMax = numberOf(body["max_tokens"]);
  if (outputTokensMax === undefined) return refuse(400, "max_tokens: Field required");
  if (listOf(body["messages"]).length === 0) return refuse(400, "messages: at least one message is required");
  const asked: Omit<Asked, "kind" | "operation" | "credential" | "headers"> = {
    model,
    isStreamed: body["stream"] === true,
    body,
    lastUserText: lastUserTextIn(body["messages"]),
    inputTokens,
    outputTokensMax,
    choices: 1,
  };
  return { type: "turn", operation: "messages", asked };
}

function refuse(status: number, message: string): Errand {
  const error: ApiError = { status, message };
  return { type: "refusal", error };
}

function infoOf(id: string) {
  return { type: "model", id, display_name: id, created_at: beginning };
}

function listOfModels(models: readonly string[]): string {
  const data = models.map(infoOf);
  return JSON.stringify({ data, has_more: false, first_id: models[0] ?? null, last_id: models.at(-1) ?? null });
}

function oneModel(id: string, models: readonly string[]): Errand {
  if (!models.includes(id)) return refuse(404, `model: ${id}`);
  return { type: "answer", status: 200, json: JSON.stringify(infoOf(id)) };
}
