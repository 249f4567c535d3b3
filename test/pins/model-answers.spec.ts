// What the doors to models answer by themselves, byte for byte: the SDKs and the agents built on them go by type, code, status
// and a few headers, and tell by them whether to come again, to ask their user, or to give up. Texts for people may grow;
// whoever changes one here says in the change that nobody goes by it.

import { describe, expect, test } from "vitest";
import { ProviderKind } from "@tollgate/schema/resources";
import { started } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import {
  answerWith,
  provider,
  send,
  startModelGate,
  startProvider,
  type ModelGate,
  type RawAnswer,
} from "../../data-plane/proxy/src/fixtures/model-fixture.ts";

type Pin = readonly [
  title: string,
  send: (gate: ModelGate) => Promise<RawAnswer>,
  status: number,
  text: string,
  headers?: Record<string, string>,
];

const messages = "/anthropic/v1/messages";
const chat = "/openai/v1/chat/completions";
const asking =
  (path: string, body: string, headers: Record<string, string | string[]> = {}) =>
  (gate: ModelGate) =>
    send(gate, path, { body, headers });
const getting =
  (path: string, headers: Record<string, string | string[]> = {}) =>
  (gate: ModelGate) =>
    send(gate, path, { headers });
const noKey = { "x-api-key": [] };
const forModel = (model: string) => JSON.stringify({ model, max_tokens: 1, messages: [] });
const anthropic = (type: string, message: string) =>
  `{"type":"error","error":{"type":"${type}","message":"${message}"},"request_id":"id"}`;
const openai = (type: string, code: string, message: string) =>
  `{"error":{"message":"${message}","type":"${type}","param":null,"code":"${code}"}}`;

const refusals: readonly Pin[] = [
  [
    "no key, Anthropic",
    asking(messages, "{}", noKey),
    401,
    anthropic("authentication_error", "No Tollgate key was sent."),
    { "x-should-retry": "false", "x-tollgate-code": "auth.key-missing" },
  ],
  [
    "no key, OpenAI",
    asking(chat, "{}", noKey),
    401,
    openai("invalid_request_error", "auth.key-missing", "No Tollgate key was sent."),
    { "x-should-retry": "false", "x-tollgate-code": "auth.key-missing" },
  ],
  [
    "a page of elsewhere, Anthropic",
    asking(messages, "{}", { origin: "https://elsewhere.example" }),
    403,
    anthropic("permission_error", "Web pages of this origin may not call the gate."),
  ],
  [
    "a model that is unknown or denied, Anthropic",
    asking(messages, forModel("hidden/m")),
    400,
    anthropic("invalid_request_error", "There is no such model."),
    { "x-tollgate-code": "model.unknown" },
  ],
  [
    "a model that is unknown or denied, OpenAI",
    asking(chat, forModel("hidden/m")),
    404,
    openai("invalid_request_error", "model_not_found", "There is no such model."),
    { "x-tollgate-code": "model.unknown" },
  ],
  [
    "a model of the other door, Anthropic",
    asking(messages, forModel("gpt/m")),
    400,
    anthropic(
      "invalid_request_error",
      "The model is of another protocol than this door, and nothing translates between them yet.",
    ),
  ],
  [
    "a member twice, Anthropic",
    asking(messages, '{"model":"claude/m","max_tokens":1,"max_tokens":2}'),
    400,
    anthropic("invalid_request_error", "A member of the body that decides about the call occurs twice."),
    { "x-tollgate-code": "model.duplicate-member" },
  ],
  [
    "a member twice, OpenAI",
    asking(chat, '{"model":"gpt/m","model":"gpt/m"}'),
    400,
    openai(
      "invalid_request_error",
      "model.duplicate-member",
      "A member of the body that decides about the call occurs twice.",
    ),
  ],
  [
    "no model, OpenAI",
    asking(chat, "{}"),
    400,
    openai("invalid_request_error", "model.missing", "The request names no model."),
  ],
  [
    "a path that is not known, Anthropic",
    getting("/anthropic/v1/files"),
    404,
    anthropic("not_found_error", "The gate does not know this path of the provider's, and does not pass it on."),
  ],
  [
    "a path that is not known, OpenAI",
    getting("/openai/v1/files"),
    404,
    openai(
      "invalid_request_error",
      "model.operation-unknown",
      "The gate does not know this path of the provider's, and does not pass it on.",
    ),
  ],
  [
    "a method that is not taken",
    getting(messages),
    405,
    anthropic("invalid_request_error", "This path does not take that HTTP method."),
    { allow: "POST" },
  ],
  [
    "a provider that is away, Anthropic",
    asking(messages, forModel("gone/m")),
    502,
    anthropic("api_error", "The server could not be reached. (gone) (ECONNREFUSED)"),
    { "x-tollgate-code": "upstream.unreachable" },
  ],
  [
    "a credential that the provider refused, Anthropic",
    asking(messages, forModel("claude/refused")),
    502,
    anthropic("api_error", "The provider did not take the gate's credential."),
    { "x-tollgate-code": "upstream.credential-refused" },
  ],
  [
    "a provider that does not count tokens",
    asking("/anthropic/v1/messages/count_tokens", forModel("claude/m")),
    501,
    anthropic("not_supported", "The provider does not count tokens."),
    { "x-should-retry": "false" },
  ],
];

const lists: readonly Pin[] = [
  ["hello", getting("/api/hello", noKey), 200, '{"message":"hello"}'],
  [
    "models, Anthropic",
    getting("/v1/models?limit=2", { "anthropic-version": "2023-06-01" }),
    200,
    '{"data":[{"type":"model","id":"gone/m","display_name":"m","created_at":"1970-01-01T00:00:00Z"},{"type":"model","id":"m","display_name":"m","created_at":"1970-01-01T00:00:00Z"}],"has_more":true,"first_id":"gone/m","last_id":"m"}',
  ],
  [
    "models, OpenAI",
    getting("/v1/models"),
    200,
    '{"object":"list","data":[{"id":"m","object":"model","created":0,"owned_by":"gpt"}]}',
  ],
];

async function openScene(): Promise<ModelGate> {
  const upstream = started(
    await startProvider(({ response, path, body }) => {
      if (path.endsWith("/count_tokens")) return answerWith(response, "Not Found", { status: 404 });
      answerWith(response, "{}", { status: body.toString().includes("refused") ? 401 : 200 });
    }),
  );
  const kind = ProviderKind.OPENAI;
  const providers = [
    provider("claude", upstream.url, { models: ["m", "refused"] }),
    provider("gpt", upstream.url, { kind, models: ["m"] }),
    provider("gone", "http://127.0.0.1:9", { models: ["m"] }),
  ];
  return startModelGate(providers, { models: ["claude/m", "claude/refused", "gpt/m", "gone/*"] });
}

for (const [what, pins] of [
  ["a refusal", refusals],
  ["an answer of the gate's own", lists],
] as const)
  describe(what, () => {
    for (const [title, ask, status, text, headers = {}] of pins)
      test(title, async () => {
        const answer = await ask(await openScene());
        const withoutId = answer.text.replace(/"request_id":"[0-9a-f-]{36}"/, '"request_id":"id"');
        expect([answer.status, withoutId]).toEqual([status, text]);
        expect(answer.headers).toMatchObject({ "content-type": "application/json", ...headers });
      });
  });
