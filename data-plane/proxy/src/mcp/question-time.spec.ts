// A person who is asked something by a server in the middle of a call needs longer than a server may take. A client of the versions
// with sessions waits for his call all that while: were the server's time to run on, he would lose what he was just filling in.

import { expect, test, vi } from "vitest";
import { askingServer, elicit, form } from "../fixtures/asking-server.ts";
import { legacyClient } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { result, startUpstream, type Conducted } from "../fixtures/upstream-fixture.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { at, key, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*"]);
const capabilities = { elicitation: {} };
const codeOf = (message: unknown) => at(message, "result", "_meta", "tollgate/code");

/** With a second server that never answers, whose time is as long: when it is up there, it is up at the first. */
async function setUp(upstream: Conducted, settings: Record<string, string> = {}) {
  const silent = started(await startUpstream({ offer: { tools: ["t"] }, onRequest: () => undefined }));
  const servers = [
    server("s", upstream.url, { timeoutSeconds: 1 }),
    server("silent", silent.url, { timeoutSeconds: 1 }),
  ];
  const gate = started(await startGate(viewWith([team(), agent.resource, ...servers]), settings));
  const client = await legacyClient(gate, agent, { capabilities });
  const timeIsUp = async () => {
    const other = await legacyClient(gate, agent);
    expect(codeOf((await other.ask("tools/call", { name: "silent__t" })).json)).toBe("upstream.timeout");
  };
  return { client, timeIsUp };
}

function modernServer(): Promise<Conducted> {
  return startUpstream({
    ...{ era: "modern", offer: { tools: ["t"] } },
    onRequest: (incoming) =>
      incoming.params["inputResponses"] === undefined
        ? result(incoming, {
            resultType: "input_required",
            inputRequests: { who: { method: "elicitation/create", params: form } },
          })
        : result(incoming, { resultType: "complete", content: [], run: 1 }),
  });
}

const servers = {
  "a legacy server, in the call": () => askingServer([[elicit("who")]]),
  "a legacy server, on its session's stream": () => askingServer([[elicit("who")]], "session"),
  "a modern server": async () => started(await modernServer()),
};

for (const [name, start] of Object.entries(servers))
  test(`${name}: who is asked may take longer than the server`, async () => {
    const { client, timeIsUp } = await setUp(await start());
    const general = await client.listen();
    const called = await client.open("tools/call", { name: "s__t" });
    const stream = name.endsWith("stream") ? general : called;
    const question = await stream.next("elicitation/create");
    await timeIsUp();
    await client.say({ id: at(question, "id"), result: { action: "accept", content: {} } });
    expect(at(await called.response(), "result", "run")).toBe(1);
  });

test("the time of who is asked has an end, for each question by itself", async () => {
  const upstream = await askingServer([[elicit("who")], [elicit("never")]]);
  const { client, timeIsUp } = await setUp(upstream, { TOLLGATE_PARKED_MS_MAX: "2500" });
  const called = await client.open("tools/call", { name: "s__t" });
  const question = await called.next("elicitation/create");
  await timeIsUp();
  await client.say({ id: at(question, "id"), result: { action: "accept", content: {} } });
  await called.next("elicitation/create");
  expect(codeOf(await called.response())).toBe("mcp.input-late");
  await until(() => upstream.count("notifications/cancelled") === 1, "the server to be told");
});

test("a server that takes its time after an answer has what was left of it", async () => {
  // It waits for the answers to no questions.
  const { client } = await setUp(await askingServer([[elicit("who")], []]));
  const called = await client.open("tools/call", { name: "s__t" });
  const question = await called.next("elicitation/create");
  await client.say({ id: at(question, "id"), result: { action: "accept", content: {} } });
  expect(codeOf(await called.response())).toBe("upstream.timeout");
});
