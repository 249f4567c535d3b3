// Two proxies with two workers each, and a client whose requests go to either as it comes, each on a connection of its own: a
// session, its stream, a question in the middle of a call and a call that waits are where they are, and are found from
// everywhere. When a proxy leaves, what it had goes on elsewhere, as far as it can, and nothing is run twice.

import { expect, test } from "vitest";
import { z } from "zod";
import { startFixture } from "../conformance/fixture.ts";
import { createDatabase } from "../support/database.ts";
import { mcpRequest } from "../support/mcp-request.ts";
import { callTool, createTeam, issueKey, registerServer } from "../support/operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { startBalancer } from "../support/balancer.ts";
import { eventsOf, messageIn, type Message } from "../support/mcp-events.ts";

/** Ten of the balancer's probes. */
const drainDelayMs = 500;
const env = {
  TOLLGATE_PROXY_WORKERS: "2",
  TOLLGATE_INTERNAL_PORT: "0",
  TOLLGATE_DRAIN_DELAY_MS: String(drainDelayMs),
};
const testMsMax = 120_000;

type World = AsyncDisposable & {
  stack: Stack;
  secret: string;
  next(): string;
  calls(era: "legacy" | "modern", tool: string): Promise<number>;
};

async function world(): Promise<World> {
  const resources = new AsyncDisposableStack();
  const database = resources.use(await createDatabase("no affinity"));
  const stack = resources.use(await startStack({ databaseUrl: database.url, proxies: 2, env }));
  const fixtures = {
    legacy: resources.use(await startFixture({ era: "legacy", transport: "http" })),
    modern: resources.use(await startFixture({ era: "modern", transport: "http" })),
  };
  for (const [name, { url }] of Object.entries(fixtures)) await registerServer(stack.admin, { name, url });
  const { id: teamId } = await createTeam(stack.admin, "agents");
  const { secret } = await issueKey(stack.admin, { name: "agent", teamId });
  let turn = 0;
  for (const { url } of stack.proxies)
    for (const name of ["legacy", "modern"])
      for (let n = 0; n < 6; n++)
        await until(
          async () => (await callTool(url, secret, `${name}__test_simple_text`)).body.includes("simple text"),
          {
            what: `${name} to be served by ${url}`,
          },
        );
  return {
    stack,
    secret,
    next: () => stack.proxy(turn++ % 2).url,
    async calls(era, tool) {
      const { requests } = await fixtures[era].seen();
      return requests.filter(({ body }) => JSON.stringify(body ?? "").includes(`"name":"${tool}"`)).length;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const legacyHeaders = (secret: string, session?: string): Record<string, string> => ({
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  authorization: `Bearer ${secret}`,
  // Another connection each time: nothing keeps a client at one worker.
  connection: "close",
  ...(session === undefined ? {} : { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" }),
});

async function openSession({ secret, next }: World): Promise<string> {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: { elicitation: {} },
    clientInfo: { name: "e2e", version: "1" },
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const answer = await fetch(`${next()}/mcp`, { method: "POST", headers: legacyHeaders(secret), body });
  await answer.arrayBuffer();
  const session = answer.headers.get("mcp-session-id");
  if (session === null) throw new Error("no session");
  return session;
}

const post = ({ secret, next }: World, session: string, message: object): Promise<Response> =>
  fetch(`${next()}/mcp`, {
    method: "POST",
    headers: legacyHeaders(secret, session),
    body: JSON.stringify({ jsonrpc: "2.0", ...message }),
  });

const modern = async ({ secret, next }: World, method: string, params: object, id: number) => {
  const { headers, body } = mcpRequest(method, params, id, { elicitation: {} });
  return fetch(`${next()}/mcp`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${secret}`, connection: "close" },
    body,
  });
};

const answered = z.object({
  result: z.looseObject({
    resultType: z.string(),
    inputRequests: z.record(z.string(), z.unknown()).optional(),
    requestState: z.string().optional(),
  }),
});

const resultOf = async (answer: Response) => answered.parse(await answer.json());

test("a legacy session, its stream and its questions are found from everywhere", { timeout: testMsMax }, async () => {
  await using at = await world();
  const session = await openSession(at);
  for (let n = 1; n <= 12; n++) {
    const answer = await post(at, session, {
      id: n,
      method: "tools/call",
      params: { name: "legacy__test_simple_text" },
    });
    expect(await answer.text()).toContain("simple text");
  }
  for (const era of ["legacy", "modern"] as const) {
    const answer = await post(at, session, {
      id: 20,
      method: "tools/call",
      params: { name: `${era}__test_elicitation`, arguments: { message: "Who?" } },
    });
    const events = eventsOf(answer);
    const question = await messageIn(events, ({ method }) => method === "elicitation/create");
    const result = { action: "accept", content: { username: "ada", email: "a@b.c" } };
    expect((await post(at, session, { id: question.id, result })).status).toBe(202);
    expect(JSON.stringify(await messageIn(events, ({ id }) => id === 20))).toContain("ada");
  }
  const stream = await fetch(`${at.next()}/mcp`, { headers: legacyHeaders(at.secret, session) });
  expect(stream.status).toBe(200);
  await stream.body?.cancel();
  // Ended from anywhere, it is not there any more.
  const ended = await fetch(`${at.next()}/mcp`, { method: "DELETE", headers: legacyHeaders(at.secret, session) });
  expect(ended.status).toBe(200);
  for (let n = 0; n < 4; n++) expect((await post(at, session, { id: 1, method: "ping" })).status).toBe(404);
});

test("a call that waits is found from everywhere, answered once, and run once", { timeout: testMsMax }, async () => {
  await using at = await world();
  for (let n = 0; n < 8; n++) {
    const params = { name: "legacy__test_input_required_result_elicitation", arguments: { n } };
    const { result: asked } = await resultOf(await modern(at, "tools/call", params, 10 + n));
    expect(asked.resultType).toBe("input_required");
    const [key = ""] = Object.keys(asked.inputRequests ?? {});
    const inputResponses = { [key]: { action: "accept", content: { name: `n${n}` } } };
    const retry = { ...params, inputResponses, requestState: asked.requestState };
    for (let again = 0; again < 2; again++) {
      const { result } = await resultOf(await modern(at, "tools/call", retry, 100 + n * 2 + again));
      expect(JSON.stringify(result)).toContain(`Hello, n${n}!`);
    }
  }
  expect(await at.calls("legacy", "test_input_required_result_elicitation")).toBe(8);
});

const failureIn = (error: unknown): string =>
  error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error);

/** Streams end with a word, and not by a cut: some clients give a server up when streams of theirs are cut a few times. */
async function listenThrough(
  { secret }: World,
  url: string,
): Promise<{ acknowledged: Message; ended: Promise<Message> }> {
  const { headers, body } = mcpRequest(
    "subscriptions/listen",
    { notifications: { toolsListChanged: true } },
    "listen:0",
  );
  const answer = await fetch(`${url}/mcp`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${secret}` },
    body,
  });
  const events = eventsOf(answer);
  const acknowledged = await messageIn(events, () => true);
  return { acknowledged, ended: messageIn(events, ({ id }) => id === "listen:0") };
}

test(
  "both proxies are rolled under load: no call fails, of a session or without, and streams end with a word",
  { timeout: testMsMax },
  async () => {
    await using at = await world();
    const { stack, secret } = at;
    await using balancer = await startBalancer(
      stack.proxies.map(({ url }) => ({ port: Number(new URL(url).port), probeUrl: `${url}/readyz` })),
    );
    const rolled = { ...at, next: () => balancer.url };
    await until(async () => (await callTool(balancer.url, secret, "legacy__test_simple_text")).hasResult, {
      what: "the balancer",
    });
    const sessions = await Promise.all(Array.from({ length: 3 }, () => openSession(rolled)));
    const failed: string[] = [];
    let [done, isOver] = [0, false];
    const calling = [
      ...sessions.map((session) => async (id: number) => {
        const answer = await post(rolled, session, {
          id,
          method: "tools/call",
          params: { name: "legacy__test_simple_text" },
        });
        return answer.text();
      }),
      async (id: number) => (await modern(rolled, "tools/call", { name: "modern__test_simple_text" }, id)).text(),
      async (id: number) => (await modern(rolled, "tools/call", { name: "legacy__test_simple_text" }, id)).text(),
    ].map(async (call) => {
      for (let id = 1; !isOver; id++) {
        const text = await call(id).catch((error: unknown) => failureIn(error));
        if (text.includes("simple text")) done++;
        else failed.push(`${new Date().toISOString()} ${text}`);
      }
    });
    for (const proxy of stack.proxies) {
      const listening = await listenThrough(at, proxy.url);
      expect(listening.acknowledged).toMatchObject({ method: "notifications/subscriptions/acknowledged" });
      expect(await proxy.stop("SIGTERM")).toBe(0);
      expect(await listening.ended).toMatchObject({ result: { resultType: "complete" } });
      await proxy.start();
      await until(() => balancer.givesTo(Number(new URL(proxy.url).port)), { what: "the balancer to take it back" });
    }
    const before = done;
    await until(() => done > before + 50, { what: "calls after it" });
    isOver = true;
    await Promise.all(calling);
    console.log(`${done} calls while two proxies were rolled, ${failed.length} failed`);
    expect(failed, stack.proxies.map((proxy) => proxy.log()).join("\n")).toEqual([]);
  },
);

test("what a proxy had goes on elsewhere when it leaves under load", { timeout: testMsMax }, async () => {
  await using at = await world();
  const sessions = await Promise.all(Array.from({ length: 8 }, () => openSession(at)));
  const staying = at.stack.proxy(1).url;
  await at.stack.proxy(0).stop("SIGTERM");
  for (const session of sessions) {
    const answer = await fetch(`${staying}/mcp`, {
      method: "POST",
      headers: legacyHeaders(at.secret, session),
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name: "legacy__test_simple_text" },
      }),
    });
    expect([answer.status, (await answer.text()).includes("simple text")]).toEqual([200, true]);
  }
});
