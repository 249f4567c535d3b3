// Models as admins set them up and programs call them: providers, aliases, prices and keys by GraphQL and by `tollgate.yaml`, a
// control plane, a proxy and a provider as processes of their own or as good as that. What the parts promise each for itself
// has to hold when they stand together: else a bill is wrong by a price that never arrived, or a credential that was taken
// away goes on being paid for.

import { randomBytes } from "node:crypto";
import { formatKey, secretBytes } from "@tollgate/kernel/key-format";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { at } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import { mustSucceed } from "../support/catalogue-operations.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { mcpClient } from "../support/mcp-client.ts";
import { readMetric, readMetrics } from "../support/member-state.ts";
import {
  changeKeyModels,
  readModelCall,
  readModelUsage,
  readProviderHealth,
  retire,
  type ModelCallRow,
} from "../support/model-calls.ts";
import { createModelAlias, registerProvider, setPrices } from "../support/model-operations.ts";
import { createTeam, issueKey, registerServer, revokeKey, type IssuedKey } from "../support/operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const testMsMax = 120_000;
/** In the first test of a file everything is cold. */
const soon = { timeoutMs: 30_000 };

const held = new AsyncDisposableStack();
let mock: MockProvider;
let stack: Stack;
let teamId: string;
beforeAll(async () => {
  const database = held.use(await createDatabase("models_e2e"));
  mock = held.use(await startMockProvider());
  stack = held.use(await startStack({ databaseUrl: database.url }));
  ({ id: teamId } = await createTeam(stack.admin, "models"));
}, testMsMax);
afterAll(() => held.disposeAsync(), testMsMax);

type Answer = { status: number; headers: Headers; body: unknown; requestId: string };

/** Whatever the path is a call of: the body is that of Messages and of Chat Completions alike. */
async function call(path: string, key: string, model: string, more: object = {}): Promise<Answer> {
  const { headers = {}, ...body }: { headers?: Record<string, string> } = more;
  const version: Record<string, string> = path.endsWith("/messages") ? { "anthropic-version": "2023-06-01" } : {};
  const response = await fetch(stack.proxy().url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...version, ...headers },
    body: JSON.stringify({ model, max_tokens: 100, messages: [{ role: "user", content: "Hello" }], ...body }),
  });
  return answerOf(response);
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const requestId = response.headers.get("x-tollgate-request-id") ?? "";
  return { status: response.status, headers: response.headers, body: JSON.parse(text), requestId };
}

const anthropic = "/anthropic/v1/messages";
const openai = "/openai/v1/chat/completions";

async function untilServed(key: string, model: string, path = anthropic): Promise<Answer> {
  return until(
    async () => {
      const answer = await call(path, key, model);
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return answer;
    },
    { what: `${model} to be served`, ...soon },
  );
}

async function listed(key: string, door: "anthropic" | "openai"): Promise<unknown> {
  const headers = { "x-api-key": key };
  const { body } = await answerOf(await fetch(`${stack.proxy().url}/${door}/v1/models`, { headers }));
  const data = at(body, "data");
  return Array.isArray(data) ? data.map((model) => at(model, "id")) : body;
}

/** The newest request that the provider got, and with which credential. */
function lastSeen(): { credential: string | undefined; model: unknown } {
  const { rawHeaders, body } = mock.exchanges.at(-1) ?? { rawHeaders: [], body: Buffer.from("{}") };
  const header = rawHeaders.findIndex((name) => /^(x-api-key|authorization)$/i.test(name));
  return { credential: rawHeaders[header + 1], model: at(JSON.parse(body.toString()), "model") };
}

const untilRecorded = (requestId: string): Promise<ModelCallRow> =>
  until(() => readModelCall(stack.admin, requestId), { what: "the fact of the call", ...soon });

const bought = {
  anthropic: { inputTokens: 1_200, cacheReadTokens: 5_000, cacheWrite5mTokens: 300, cacheWrite1hTokens: 40 },
  openai: { inputTokens: 1_000, cacheReadTokens: 500, reasoningTokens: 30 },
};
const replies: Record<"anthropic" | "openai", Reply> = {
  anthropic: { usage: { ...bought.anthropic, outputTokens: 77 } },
  openai: { usage: { ...bought.openai, outputTokens: 90 } },
};
const counts = {
  anthropic: {
    ...{ input: "1200", cacheRead: "5000", cacheWrite5m: "300", cacheWrite1h: "40" },
    ...{ output: "77", reasoning: "0" },
  },
  openai: {
    ...{ input: "1000", cacheRead: "500", cacheWrite5m: "0", cacheWrite1h: "0" },
    ...{ output: "90", reasoning: "30" },
  },
};
/** 1200 × 3 + 5000 × 0.3 + 300 × 3.75 + 40 × 6 + 77 × 15 millionths; 1000 × 1.25 + 500 × 0.125 + 90 × 10. */
const costs = { anthropic: "0.00762", openai: "0.0022125" };

const made = { fullKey: "", boundKey: "" };

async function setUpByGraphQl(): Promise<void> {
  const { admin } = stack;
  const credentials = [{ name: "main", value: "sk-graph" }];
  const kind = "ANTHROPIC";
  await registerProvider(admin, { name: "graph-anthropic", kind, baseUrl: mock.url, credentials });
  await registerProvider(admin, { name: "graph-openai", kind: "OPENAI", baseUrl: `${mock.url}/v1`, credentials });
  await createModelAlias(admin, { name: "graph-fast", model: "graph-anthropic/claude-graph" });
  const rates = { cachedInputPerMillion: "0.3", cacheWrite5mPerMillion: "3.75", cacheWrite1hPerMillion: "6" };
  const cached = { cachedInputPerMillion: "0.125", outputPerMillion: "10" };
  await setPrices(admin, [
    { provider: "graph-anthropic", model: "claude-*", inputPerMillion: "3", outputPerMillion: "15", ...rates },
    { provider: "graph-openai", model: "gpt-graph", inputPerMillion: "1.25", ...cached },
  ]);
  made.fullKey = (await issueKey(admin, { name: "graph-full", teamId, models: ["*"] })).secret;
  const models = ["graph-fast", "graph-openai/*"];
  made.boundKey = (await issueKey(admin, { name: "graph-bound", teamId, models })).secret;
}

async function setUpByFile(): Promise<void> {
  const key = (): string => formatKey("key", idFromBytes(randomBytes(idBytes)), randomBytes(secretBytes));
  [made.fullKey, made.boundKey] = [key(), key()];
  const file = `version: 1
providers:
  - { name: file-anthropic, kind: anthropic, baseUrl: "${mock.url}", credential: { env: SECRET }, allowPrivateNetwork: true }
  - name: file-openai
    kind: openai
    baseUrl: "${mock.url}/v1"
    credentials: [{ name: main, env: SECRET }]
    allowPrivateNetwork: true
models:
  - { name: file-fast, targets: [{ model: file-anthropic/claude-file }] }
prices:
  - model: file-anthropic/claude-*
    inputPerMillion: 3
    cachedInputPerMillion: 0.3
    cacheWrite5mPerMillion: 3.75
    cacheWrite1hPerMillion: 6
    outputPerMillion: 15
  - { model: file-openai/gpt-file, inputPerMillion: 1.25, cachedInputPerMillion: 0.125, outputPerMillion: 10 }
teams:
  - { name: file-team }
keys:
  - { name: file-full, team: file-team, secret: { env: FULL }, models: ["*"] }
  - { name: file-bound, team: file-team, secret: { env: BOUND }, models: [file-fast, "file-openai/*"] }
`;
  const variables = Object.entries({ SECRET: "sk-file", FULL: made.fullKey, BOUND: made.boundKey });
  const { applied } = await stack.admin.run<{ applied: { __typename: string } }>(
    `mutation ($file: String!, $variables: [ConfigurationVariable!]) { applied: applyConfiguration(
       file: $file, variables: $variables) { __typename ... on Refusal { message } } }`,
    { file, variables: variables.map(([name, value]) => ({ name, value })) },
  );
  expect(applied).toEqual({ __typename: "ApplyConfigurationSucceeded" });
}

describe.each(["GraphQL", "tollgate.yaml"] as const)("what was set up by %s", (way) => {
  const prefix = way === "GraphQL" ? "graph" : "file";
  const secret = `sk-${prefix}`;
  /** The only one of a provider needs no name in a file. */
  const credentialName = { anthropic: way === "GraphQL" ? "main" : "default", openai: "main" };
  beforeAll(() => (way === "GraphQL" ? setUpByGraphQl() : setUpByFile()), testMsMax);

  test.each([
    ["/anthropic/v1/messages", "anthropic", `${prefix}-fast`, `claude-${prefix}`, secret],
    ["/v1/messages", "anthropic", `${prefix}-anthropic/claude-other`, "claude-other", secret],
    ["/openai/v1/chat/completions", "openai", `${prefix}-openai/gpt-${prefix}`, `gpt-${prefix}`, `Bearer ${secret}`],
    ["/v1/chat/completions", "openai", `${prefix}-openai/gpt-${prefix}`, `gpt-${prefix}`, `Bearer ${secret}`],
  ] as const)(
    "a call to %s is served, and its fact has what it used and cost, exactly",
    { timeout: testMsMax },
    async (path, kind, asked, model, credential) => {
      await untilServed(made.fullKey, asked, path);
      mock.queueReplies(replies[kind]);
      const { status, body, requestId } = await call(path, made.fullKey, asked);
      expect(status, JSON.stringify(body)).toBe(200);
      expect(lastSeen()).toEqual({ credential, model });
      const { priceVersion, ...row } = await untilRecorded(requestId);
      expect(row).toMatchObject({
        ...{ door: kind, modelAsked: asked, provider: `${prefix}-${kind}`, model, status: 200 },
        credential: credentialName[kind],
        ...{ outcome: "ANSWERED", basis: "EXACT", tokens: counts[kind], costUsd: costs[kind], attempts: 1 },
      });
      const { priceList } = await stack.admin.run<{ priceList: { version: number } }>("{ priceList { version } }");
      expect(priceVersion).toBe(`published-${priceList.version}`);
    },
  );

  test(
    "a key has in its lists what it is granted, and nothing else is there for it",
    { timeout: testMsMax },
    async () => {
      await untilServed(made.boundKey, `${prefix}-fast`);
      expect(await listed(made.fullKey, "anthropic")).toEqual(
        expect.arrayContaining([`${prefix}-fast`, `claude-${prefix}`]),
      );
      // What an alias stands for is not reached by another of its names.
      expect(await listed(made.boundKey, "anthropic")).toEqual([`${prefix}-fast`]);
      expect(await listed(made.boundKey, "openai")).toContain(`gpt-${prefix}`);
      const hidden = await call(anthropic, made.boundKey, `${prefix}-anthropic/claude-${prefix}`);
      const absent = await call(anthropic, made.boundKey, `${prefix}-anthropic/claude-absent`);
      expect([hidden.status, hidden.headers.get("x-tollgate-code")]).toEqual([400, "model.unknown"]);
      expect(at(hidden.body, "error", "type")).toBe("invalid_request_error");
      const said = (answer: Answer): string => String(at(answer.body, "error", "message"));
      expect(said(absent)).toBe(said(hidden).replace(`claude-${prefix}`, "claude-absent"));
      const refused = { model: `${prefix}-anthropic/claude-${prefix}`, outcome: "REFUSED" };
      await until(
        async () => {
          const { calls } = await stack.admin.run<{ calls: { nodes: { code: string; requestId: string }[] } }>(
            "query ($filter: CallFilter) { calls(filter: $filter) { nodes { code requestId } } }",
            { filter: refused },
          );
          return calls.nodes.some(({ requestId, code }) => requestId === hidden.requestId && code === "model.unknown");
        },
        { what: "the refusal to be recorded", ...soon },
      );
    },
  );
});

describe("what becomes of calls", () => {
  const model = "own/claude-own";
  let key: IssuedKey;
  beforeAll(async () => {
    const credentials = [{ name: "main", value: "sk-own" }];
    await registerProvider(stack.admin, { name: "own", kind: "ANTHROPIC", baseUrl: mock.url, credentials });
    await setPrices(stack.admin, [
      { provider: "own", model: "claude-own", inputPerMillion: "2", outputPerMillion: "4", perRequest: "0.001" },
    ]);
    key = await issueKey(stack.admin, { name: "own", teamId, models: ["own/*"] });
    await untilServed(key.secret, model);
  }, testMsMax);

  test("a call of a tool and the turn that asked for it know each other", { timeout: testMsMax }, async () => {
    const tools = held.use(await startExampleMcp());
    await registerServer(stack.admin, { name: "tools", url: tools.url });
    const client = mcpClient(stack.proxy().url, key.secret);
    await until(async () => (await client.toolNames()).includes("tools__echo"), { what: "the tools", ...soon });
    mock.queueReplies({ content: [{ type: "tool", name: "tools__echo", input: { said: "it" }, id: "toolu_joined" }] });
    const headers = { "x-claude-code-session-id": "session-joined" };
    const { body, requestId } = await call(anthropic, key.secret, model, { headers });
    expect(at(body, "content", 0, "id")).toBe("toolu_joined");
    const asked = { name: "tools__echo", arguments: { said: "it" }, _meta: { "claudecode/toolUseId": "toolu_joined" } };
    const { message } = await client.ask("tools/call", asked);
    expect(at(message, "result", "content", 0, "text")).toBe('{"said":"it"}');
    type Joined = { calls: { nodes: { tool: string; modelCall: { requestId: string; sessionId: string } | null }[] } };
    const turn = await until(
      async () => {
        const { calls } = await stack.admin.run<Joined>(
          `{ calls(filter: { toolUseId: "toolu_joined" }) { nodes { tool modelCall { requestId sessionId } } } }`,
        );
        return calls.nodes[0]?.modelCall && calls.nodes[0];
      },
      { what: "the call of the tool with its turn", ...soon },
    );
    expect(turn).toEqual({ tool: "echo", modelCall: { requestId, sessionId: "session-joined" } });
    const row = await untilRecorded(requestId);
    expect(row.toolUseIds).toEqual(["toolu_joined"]);
    expect(row.toolCalls).toEqual([{ server: "tools", tool: "echo", outcome: "ANSWERED" }]);
  });

  test("usage is the sum of its calls, to the billionth of a dollar", { timeout: testMsMax }, async () => {
    const summed = await issueKey(stack.admin, { name: "summed", teamId, models: ["own/*"] });
    await until(async () => Array.isArray(await listed(summed.secret, "anthropic")), { what: "the key", ...soon });
    const usages = [1, 2, 3, 5, 8].map((n) => ({ inputTokens: n * 101, outputTokens: n * 7 }));
    const requestIds: string[] = [];
    for (const usage of usages) {
      mock.queueReplies({ usage });
      requestIds.push((await call(anthropic, summed.secret, model)).requestId);
    }
    for (const requestId of requestIds) await untilRecorded(requestId);
    const filter = { keyId: summed.id };
    const all = {
      ...{ calls: "5", estimatedCalls: "0", unpricedCalls: "0" },
      // 19 × 101 × 2 + 19 × 7 × 4 millionths, and 5 × 0.001.
      ...{ costUsd: "0.00937", costNanoUsd: "9370000" },
      tokens: { input: "1919", output: "133" },
    };
    expect(await readModelUsage(stack.admin, filter)).toEqual([{ group: "", ...all }]);
    expect(await readModelUsage(stack.admin, filter, "MODEL")).toEqual([{ group: "own/claude-own", ...all }]);
    expect(await readModelUsage(stack.admin, filter, "KEY")).toEqual([{ group: summed.id, ...all }]);
    expect(
      mock
        .bill()
        .slice(-5)
        .map(({ usage }) => usage),
    ).toMatchObject(usages);
  });

  test(
    "a call without a price is recorded with its tokens, and says that its cost is not known",
    { timeout: testMsMax },
    async () => {
      const { requestId } = await call(anthropic, key.secret, "own/claude-nobody-prices");
      const row = await untilRecorded(requestId);
      expect(row).toMatchObject({ basis: "EXACT", costUsd: null, costNanoUsd: null, priceVersion: null });
      expect(Number(row.tokens.output)).toBeGreaterThan(0);
    },
  );

  test(
    "a credential in trouble is seen by an admin and by an operator, although its calls succeed with another",
    { timeout: testMsMax },
    async () => {
      const credentials = ["sick", "well"].map((name) => ({ name, value: `sk-${name}` }));
      await registerProvider(stack.admin, { name: "two", kind: "ANTHROPIC", baseUrl: mock.url, credentials });
      await mustSucceed(changeKeyModels(stack.admin, key.id, ["own/*", "two/*"]));
      mock.failCredential("sk-sick", { status: 429, retryAfter: "1" });
      mock.limitCredential("sk-well", { requests: 50 });
      const given = `tollgate_model_attempts_given_up_total{provider="two",credential="sick",reason="429"}`;
      await untilServed(key.secret, "two/claude-two");
      // A session keeps to one of the two.
      let session = 0;
      await until(
        async () => {
          const headers = { "x-claude-code-session-id": `session-${session++}` };
          await call(anthropic, key.secret, "two/claude-two", { headers });
          return (await readMetric(stack.proxy(), given)) > 0;
        },
        { what: "the sick credential to be tried", ...soon },
      );
      const metrics = await readMetrics(stack.proxy());
      const well = `provider="two",credential="well"`;
      const served = metrics.get(`tollgate_model_calls_total{${well},outcome="answered",status="200"}`) ?? 0;
      expect(served).toBeGreaterThan(0);
      expect(metrics.get(`tollgate_model_rate_limit{${well},of="requests"}`)).toBe(50);
      expect(metrics.get(`tollgate_model_rate_limit_remaining{${well},of="requests"}`)).toBe(50 - served);
      expect(metrics.get(`tollgate_model_first_byte_seconds_count{provider="two"}`)).toBe(served);
      const health = await until(
        async () => {
          const found = await readProviderHealth(stack.admin, "two");
          return found[1]?.attempts === String(served) && found;
        },
        { what: "the facts of all calls", ...soon },
      );
      expect(health).toMatchObject([
        { credential: "sick", errorRate: 1, errors: [{ what: "429" }], lastStatus: 429, headroom: null },
        {
          ...{ credential: "well", errorRate: 0, failures: "0", errors: [], lastStatus: 200 },
          headroom: { requestsLimit: "50", requestsRemaining: String(50 - served) },
        },
      ]);
      expect(Number(health[1]?.firstByteUsP95)).toBeGreaterThan(0);
      expect(Number(health[0]?.attempts)).toBe(metrics.get(given));
    },
  );

  test(
    "a provider that does not take the credential is the gate's trouble, and not the client's key's",
    { timeout: testMsMax },
    async () => {
      mock.failCredential("sk-own", { status: 401 }, 1);
      const { status, headers, body, requestId } = await call(anthropic, key.secret, model);
      expect([status, headers.get("x-tollgate-code")]).toEqual([502, "upstream.credential-refused"]);
      expect(at(body, "type")).toBe("error");
      const row = await untilRecorded(requestId);
      expect(row).toMatchObject({ outcome: "PROVIDER_FAILED", status: 401, basis: "NONE", costNanoUsd: "0" });
    },
  );
});

describe("what an admin changes", () => {
  test("a new value of a stored secret is what the next calls go out with", { timeout: testMsMax }, async () => {
    const store = (value: string) =>
      stack.admin.run(
        `mutation ($value: String!) { storeSecret(input: { name: "rotated", value: $value }) { __typename } }`,
        { value },
      );
    await store("sk-former");
    const credentials = [{ name: "main", secretName: "rotated" }];
    await registerProvider(stack.admin, { name: "rotating", kind: "ANTHROPIC", baseUrl: mock.url, credentials });
    const { secret } = await issueKey(stack.admin, { name: "rotating", teamId, models: ["rotating/*"] });
    await untilServed(secret, "rotating/claude-x");
    expect(lastSeen().credential).toBe("sk-former");
    await store("sk-latter");
    await until(
      async () => {
        expect((await call(anthropic, secret, "rotating/claude-x")).status).toBe(200);
        return lastSeen().credential === "sk-latter";
      },
      { what: "the new secret to be used", ...soon },
    );
    expect((await call(anthropic, secret, "rotating/claude-x")).status).toBe(200);
    expect(lastSeen().credential).toBe("sk-latter");
  });

  test(
    "an alias and a provider that are retired are there no more, the provider not before the alias",
    { timeout: testMsMax },
    async () => {
      const credentials = [{ name: "main", value: "sk-leaving" }];
      const provider = { name: "leaving", kind: "ANTHROPIC", baseUrl: mock.url, credentials } as const;
      const { id } = await registerProvider(stack.admin, provider);
      const alias = await createModelAlias(stack.admin, { name: "leaving-alias", model: "leaving/claude-x" });
      const { secret } = await issueKey(stack.admin, { name: "leaving", teamId, models: ["leaving-alias"] });
      const direct = await issueKey(stack.admin, { name: "leaving-direct", teamId, models: ["leaving/*"] });
      await untilServed(secret, "leaving-alias");
      expect(await retire(stack.admin, "retireProvider", id)).toMatchObject({ __typename: "InUse" });
      await mustSucceed(retire(stack.admin, "retireModelAlias", alias.id));
      await untilRefused(secret, "leaving-alias", "model.unknown");
      expect(await listed(secret, "anthropic")).toEqual([]);
      await untilServed(direct.secret, "leaving/claude-x");
      await mustSucceed(retire(stack.admin, "retireProvider", id));
      await untilRefused(direct.secret, "leaving/claude-x", "model.unknown");
    },
  );

  test("a key whose models change reaches what it has now", { timeout: testMsMax }, async () => {
    const { id, secret } = await issueKey(stack.admin, { name: "changing", teamId, models: ["own/claude-a*"] });
    await untilServed(secret, "own/claude-a1");
    await mustSucceed(changeKeyModels(stack.admin, id, ["own/claude-b*"]));
    const sinceMs = performance.now();
    await untilServed(secret, "own/claude-b1");
    await untilRefused(secret, "own/claude-a1", "model.unknown");
    expect(performance.now() - sinceMs).toBeLessThan(1_000);
    await mustSucceed(changeKeyModels(stack.admin, id, []));
    await untilRefused(secret, "own/claude-b1", "model.unknown");
  });

  test("a revoked key is refused within a second, for good", { timeout: testMsMax }, async () => {
    const { id, secret } = await issueKey(stack.admin, { name: "revoked", teamId, models: ["*"] });
    await untilServed(secret, "own/claude-a1");
    await revokeKey(stack.admin, id);
    const sinceMs = performance.now();
    const { status, headers, body } = await untilRefused(secret, "own/claude-a1", "auth.key-unknown");
    expect(performance.now() - sinceMs).toBeLessThan(1_000);
    expect([status, headers.get("x-should-retry")]).toEqual([401, "false"]);
    expect(at(body, "error", "type")).toBe("authentication_error");
    const other = await call(openai, secret, "graph-openai/gpt-graph");
    expect([other.status, at(other.body, "error", "code")]).toEqual([401, "auth.key-unknown"]);
  });
});

async function untilRefused(key: string, model: string, code: string): Promise<Answer> {
  return until(
    async () => {
      const answer = await call(anthropic, key, model);
      return answer.headers.get("x-tollgate-code") === code && answer;
    },
    { what: `${model} to be refused`, ...soon, intervalMs: 5 },
  );
}

test(
  "cut off and killed, the proxy serves models again at once, with their credentials and prices; later its facts arrive",
  { timeout: testMsMax },
  async () => {
    const proxy = stack.proxy();
    const { id, secret } = await issueKey(stack.admin, { name: "cut-off", teamId, models: ["own/*"] });
    await untilServed(secret, "own/claude-own");
    const before = await until(() => readMetric(proxy, "tollgate_cache_bytes"), { what: "the cache", ...soon });
    expect(before).toBeGreaterThan(0);
    await stack.control.stop("SIGKILL");
    await proxy.stop("SIGKILL");
    await proxy.start();
    mock.queueReplies({ usage: { inputTokens: 10, outputTokens: 10 } });
    const { status, requestId } = await call(anthropic, secret, "own/claude-own");
    expect([status, lastSeen().credential]).toEqual([200, "sk-own"]);
    await stack.control.start();
    expect(await untilRecorded(requestId)).toMatchObject({ basis: "EXACT", costUsd: "0.00106" });
    await revokeKey(stack.admin, id);
    await untilRefused(secret, "own/claude-own", "auth.key-unknown");
  },
);
