// What of the client's headers a provider sees, and what of a provider's headers a client sees, over real sockets: unknown
// ones pass, so that betas and tracing work without the gate; credentials never do, in neither direction.

import { expect, test } from "vitest";
import { ProviderKind } from "@tollgate/schema/resources";
import { started } from "../fixtures/gate-fixture.ts";
import { answerWith, modelFact, provider, send, startModelGate, startProvider } from "../fixtures/model-fixture.ts";

const body = '{"model":"m","max_tokens":1}';
const names = (raw: readonly string[]) => raw.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());

test("what the client says goes on, but nothing of its connection, its place or its key", async () => {
  const upstream = started(await startProvider(({ response }) => answerWith(response, "{}")));
  const gate = await startModelGate([provider("p", upstream.url)]);
  const key = gate.agent.text;
  await send(gate, "/anthropic/v1/messages", {
    body,
    headers: {
      "anthropic-beta": ["a-2025-01-01", "b"],
      "anthropic-version": "2023-06-01",
      "x-own": "é ü",
      "user-agent": "claude-cli/2.1.329 (external, cli)",
      "x-claude-code-session-id": "session-1",
      "x-claude-code-agent-id": "agent-1",
      "x-claude-code-parent-agent-id": "agent-0",
      traceparent: "00-1-2-01",
      authorization: `Bearer ${key}`,
      cookie: "a=b",
      forwarded: "for=1.2.3.4",
      "x-forwarded-for": "1.2.3.4",
      "x-real-ip": "1.2.3.4",
      "x-client-ip": "1.2.3.4",
      "x-cluster-client-ip": "1.2.3.4",
      "True-Client-IP": "1.2.3.4",
      "cf-connecting-ip": "1.2.3.4",
      "x-tollgate-meta-project": "p",
      "x-strange-place": `key ${key}`,
      "accept-encoding": "br, gzip",
      te: "trailers",
      connection: "close, x-hop",
      "x-hop": "1",
      "proxy-authorization": "Basic abc",
    },
  });
  const [seen] = upstream.seen;
  const passed = ["anthropic-beta", "anthropic-version", "x-own", "user-agent", "traceparent", "content-type"];
  const ours = ["accept-encoding", "x-api-key", "host", "connection", "content-length"];
  const claudes = ["x-claude-code-session-id", "x-claude-code-agent-id", "x-claude-code-parent-agent-id"];
  expect(new Set(names(seen?.rawHeaders ?? []))).toEqual(new Set([...passed, ...ours, ...claudes]));
  expect(seen?.headers).toMatchObject({ "accept-encoding": "identity", "x-api-key": "sk-p-first" });
  expect(seen?.headers["anthropic-beta"]).toBe("a-2025-01-01, b");
  expect(seen?.headers["content-length"]).toBe(String(body.length));
  expect(JSON.stringify(seen?.rawHeaders)).not.toContain(key);
  expect(await modelFact(gate)).toMatchObject({
    ...{ sessionId: "session-1", agentId: "agent-1", parentAgentId: "agent-0" },
    ...{ clientName: "claude-cli", clientVersion: "2.1.329" },
  });
});

test("a key of the gate in the URL is refused, however it is written", async () => {
  const upstream = started(await startProvider(({ response }) => answerWith(response, "{}")));
  const gate = await startModelGate([provider("p", upstream.url, { passthrough: true })]);
  const key = gate.agent.text;
  for (const path of [
    `/anthropic/v1/messages?key=${key}`,
    `/anthropic/v1/messages?key=${key.replace("_", "%5F")}`,
    `/anthropic/v1/messages?key=${key.replace("_", "%255f")}`,
    `/anthropic/v1/files?a=%zz&key=${key.replace("t", "%74")}`,
    `/anthropic/v1/files/${key}`,
  ]) {
    const { status, headers, text } = await send(gate, path, { body });
    expect([path, status, headers["x-tollgate-code"]]).toEqual([path, 400, "request.invalid"]);
    expect(text).not.toContain(key);
  }
  expect(upstream.seen).toEqual([]);
});

test("what the provider says comes back, but nothing of its connection, its front, its limits or who pays it", async () => {
  const upstream = started(
    await startProvider(({ response }) =>
      answerWith(response, "{}", {
        "request-id": "req_1",
        "anthropic-organization-id": "org_1",
        "x-own": "é",
        "openai-organization": "org_1",
        "openai-project": "proj_1",
        "x-ratelimit-limit-requests": "50",
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-tokens-limit": "90000",
        "anthropic-ratelimit-tokens-remaining": "88000",
        "set-cookie": "__cf=1",
        server: "cloudflare",
        "cf-ray": "1",
        "strict-transport-security": "max-age=1",
        "alt-svc": "h3",
        "x-tollgate-code": "forged",
      }),
    ),
  );
  const gate = await startModelGate([provider("p", upstream.url)]);
  const { headers } = await send(gate, "/anthropic/v1/messages", { body });
  expect(new Set(Object.keys(headers))).toEqual(
    new Set([
      ...["content-type", "content-length", "request-id", "x-own"],
      ...["x-tollgate-request-id", "date", "connection"],
    ]),
  );
  expect(await modelFact(gate)).toMatchObject({
    ...{ requestsLimit: 50n, requestsRemaining: 49n, tokensLimit: 90_000n, tokensRemaining: 88_000n },
  });
});

test("each kind of provider gets its credential where it looks for it", async () => {
  const upstream = started(await startProvider(({ response }) => answerWith(response, "{}")));
  const plain = provider("plain", upstream.url);
  const oauth = provider("oauth", upstream.url);
  const gpt = provider("gpt", upstream.url, { kind: ProviderKind.OPENAI });
  const gate = await startModelGate([plain, oauth, gpt]);
  const token = "sk-ant-oat01-x";
  gate.secrets([
    ...[...plain.secretValues, ...gpt.secretValues],
    ...oauth.secretValues.map((one) => ({ ...one, value: Buffer.from(token) })),
  ]);
  const sentTo = async (path: string, model: string) => {
    await send(gate, path, { body: JSON.stringify({ model }) });
    const { authorization, "x-api-key": apiKey } = upstream.seen.at(-1)?.headers ?? {};
    return { authorization, apiKey };
  };
  const messages = "/anthropic/v1/messages";
  expect(await sentTo(messages, "plain/m")).toEqual({ authorization: undefined, apiKey: "sk-plain-first" });
  expect(await sentTo(messages, "oauth/m")).toEqual({ authorization: `Bearer ${token}`, apiKey: undefined });
  const bearer = { authorization: "Bearer sk-gpt-first", apiKey: undefined };
  expect(await sentTo("/v1/chat/completions", "gpt/m")).toEqual(bearer);
});
