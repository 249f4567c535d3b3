// The whole way once, as a person goes it: providers, servers and a key by the admin API, then Claude Code with a base URL and
// that key and nothing else. What it did is in the usage store: each turn with its tokens as they are billed and its cost, and the
// tool call below the turn that asked for it. And when the key is revoked, it is over.
import { afterEach, expect, test } from "vitest";
import { runClaudeCode } from "../clients/claude-code.ts";
import { startFixtureServer } from "../clients/fixture-server.ts";
import { clientsAvailability } from "../clients/install.ts";
import { call, inOrder } from "../clients/script.ts";
import { startScriptedModel } from "../clients/scripted-model.ts";
import { createDatabase } from "../support/database.ts";
import { createModelAlias, registerProvider, setPrices } from "../support/model-operations.ts";
import { callTool, createTeam, issueKey, registerServer, revokeKey } from "../support/operations.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const providerKey = "sk-ant-of-a-test";
const model = "claude-test-5";
const alias = "claude-team";
/** Dollars, or nano-dollars a thousandth of a token. */
const price = { inputPerMillion: "3", outputPerMillion: "15" };
const secondsMax = 120;

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

interface Turn {
  readonly toolUseIds: readonly string[];
  readonly toolCalls: readonly { readonly server: string; readonly tool: string; readonly toolUseId: string }[];
  readonly tokens: { readonly input: string; readonly output: string };
  readonly costNanoUsd: string;
}

async function turnsOf({ admin }: Stack, keyId: string, sessionId: string): Promise<Turn[]> {
  const { modelCalls } = await admin.run<{ modelCalls: { nodes: Turn[] } }>(
    `query ($filter: ModelCallFilter) { modelCalls(first: 10, filter: $filter) { nodes {
       modelAsked model provider credential status basis sessionId clientName stopReason toolUseIds costNanoUsd
       tokens { input output } toolCalls { server tool toolUseId } } } }`,
    { filter: { keyId, sessionId } },
  );
  return modelCalls.nodes.toReversed();
}

describeWith(await clientsAvailability(), "Claude Code, at the whole product", () => {
  test("works, is counted as it is billed, and is cut off", { timeout: secondsMax * 1_000 }, async () => {
    const name = "mcp__tollgate__fixture__echo";
    const mock = resources.use(await startScriptedModel(inOrder([call(name, { text: "hi" })])));
    const fixture = resources.use(await startFixtureServer("modern"));
    const database = resources.use(await createDatabase("Claude Code"));
    const stack = resources.use(await startStack({ databaseUrl: database.url }));
    const { admin } = stack;
    const credentials = [{ name: "first", value: providerKey }];
    await registerProvider(admin, { name: "claude", kind: "ANTHROPIC", baseUrl: mock.url, credentials });
    await createModelAlias(admin, { name: alias, model: `claude/${model}` });
    await setPrices(admin, [{ provider: "claude", model, ...price }]);
    await registerServer(admin, { name: "fixture", url: fixture.url });
    const { id: teamId } = await createTeam(admin, "platform");
    const key = await issueKey(admin, { name: "ada", teamId, models: [alias] });
    const { url } = stack.proxy();
    await until(async () => (await callTool(url, key.secret, "fixture__echo", { text: "" })).hasResult, {
      what: "the key to work",
    });
    await until(() => isReached(url, key.secret), { what: "the provider's credential to be there" });

    const place = { mock, url: `${url}/anthropic`, key: key.secret };
    const mcp = { url: `${url}/mcp`, headers: { "x-tollgate-key": key.secret } };
    const run = () => runClaudeCode({ model: place, ...mcp, args: ["--model", alias] });
    const report = await run();
    expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
    expect(report.outcomes).toMatchObject([{ tool: name, text: "echo: hi" }]);

    const turns = () => turnsOf(stack, key.id, report.sessionId);
    // Each turn and the tool call come from the worker that served them, in whatever order.
    const isAll = async () => {
      const known = await turns();
      return known.length === 2 && known.flatMap(({ toolCalls }) => toolCalls).length === 1;
    };
    await until(isAll, { what: "the facts to arrive", timeoutMs: 20_000 });
    const [callId] = report.outcomes.map((outcome) => outcome.callId);
    const turn = {
      ...{ modelAsked: alias, model, provider: "claude", credential: "first", status: 200, basis: "EXACT" },
      ...{ sessionId: report.sessionId, clientName: "claude-cli" },
    };
    expect(await turns()).toMatchObject([
      { ...turn, toolUseIds: [callId], toolCalls: [{ server: "fixture", tool: "echo", toolUseId: callId }] },
      { ...turn, toolUseIds: [], toolCalls: [] },
    ]);
    const bill = mock.bill().map(({ usage }) => usage);
    const counted = (await turns()).map(({ tokens, costNanoUsd }) => [tokens.input, tokens.output, costNanoUsd]);
    expect(counted).toEqual(
      bill.map(({ inputTokens, outputTokens }) =>
        [inputTokens, outputTokens, inputTokens * 3_000 + outputTokens * 15_000].map(String),
      ),
    );

    await revokeKey(admin, key.id);
    await until(async () => !(await isReached(url, key.secret)), { what: "the key to be revoked" });
    const exchanges = mock.exchanges.length;
    expect(await run()).toMatchObject({ exitCode: 1, result: expect.stringContaining("The key is not known") });
    expect(mock.exchanges).toHaveLength(exchanges);
  });
});

/** What costs nothing goes the same way. */
async function isReached(url: string, key: string): Promise<boolean> {
  const { ok } = await fetch(`${url}/anthropic/v1/messages/count_tokens`, {
    method: "POST",
    headers: { "content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": key },
    body: JSON.stringify({ model: alias, messages: [{ role: "user", content: "Hello" }] }),
  });
  return ok;
}
