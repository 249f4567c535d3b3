// Sessions of many callers on few programs, and what a caller is told who asks for what is not there. A session that leaks
// keeps a program alive; one that is taken for another's shows one user what belongs to another.

import { expect, test } from "vitest";
import { until } from "../../../../test/support/wait.ts";
import {
  callerOf,
  dead,
  initialize,
  openHost,
  seenBy,
  stdioServer,
  textOf,
  toolCall,
} from "../fixtures/channel-host-fixture.ts";

test("a shared program is initialised once, by the first, and told once that its client is ready", async () => {
  const { host, socketPath } = await openHost([stdioServer([], { isolation: "shared" })]);
  const caller = callerOf(socketPath);
  const answers = await Promise.all([1, "two", 3].map((id) => caller.post(initialize(id))));
  expect(answers.map(({ json }) => json)).toEqual(
    [1, "two", 3].map((id) => ({
      ...{ jsonrpc: "2.0", id },
      result: expect.objectContaining({ serverInfo: { name: "fixture", version: "1" } }),
    })),
  );
  const sessions = answers.map(({ headers }) => String(headers["mcp-session-id"]));
  expect(new Set(sessions).size).toBe(3);
  // The first to call has said nothing yet.
  const [first = "", ...others] = sessions;
  await caller.call(first, "echo");
  for (const session of others) await caller.post({ jsonrpc: "2.0", method: "notifications/initialized" }, session);
  const methods = (await seenBy(caller, first)).map(({ method }) => method);
  expect(methods).toEqual(["initialize", "notifications/initialized", "tools/call", "tools/call"]);
  expect(host.states().get("s")).toMatchObject({ channels: 1, sessions: 3 });
});

test("with isolation each session has a program of its own, which ends with it", async () => {
  const { host, socketPath } = await openHost([stdioServer()]);
  const caller = callerOf(socketPath);
  const sessions = [await caller.open(), await caller.open()] as const;
  const pids = await Promise.all(sessions.map(async (session) => Number(textOf(await caller.call(session, "pid")))));
  expect(new Set(pids).size).toBe(2);
  const ended = caller.send("DELETE", undefined, { "mcp-session-id": sessions[0] });
  expect((await ended.head).statusCode).toBe(200);
  await dead(pids[0] ?? 0);
  expect((await caller.call(sessions[0], "echo")).json.error?.code).toBe("channel.session-unknown");
  expect(Number(textOf(await caller.call(sessions[1], "pid")))).toBe(pids[1]);
  expect(host.states().get("s")).toMatchObject({ status: "running", channels: 1, sessions: 1 });
});

test("the end of one session of a shared program cancels its calls, and no one else's", async () => {
  const { socketPath } = await openHost([stdioServer([], { isolation: "shared" })]);
  const caller = callerOf(socketPath);
  const [one, other] = [await caller.open(), await caller.open()];
  const [slow, stays] = [one, other].map((id) => caller.send("POST", toolCall("slow"), { "mcp-session-id": id }));
  const slowCalls = async () => (await seenBy(caller, other)).filter(({ params }) => params?.name === "slow").length;
  await until(async () => (await slowCalls()) === 2, { what: "both calls" });
  await caller.send("DELETE", undefined, { "mcp-session-id": one }).over;
  expect((await slow?.head)?.statusCode).toBe(404);
  await until(async () => (await seenBy(caller, other)).some(({ method }) => method === "notifications/cancelled"), {
    what: "the cancellation",
  });
  await caller.call(other, "release");
  expect((await stays?.head)?.statusCode).toBe(200);
});

test("a session that nobody uses is forgotten; one that listens is not", async () => {
  const { host, socketPath } = await openHost([stdioServer()], { limits: { sessionIdleMsMax: 100 } });
  const caller = callerOf(socketPath);
  const [idle, listening] = [await caller.open(), await caller.open()];
  await caller.listen(listening);
  await until(() => host.states().get("s")?.sessions === 1, { what: "the end of the idle session" });
  expect((await caller.call(idle, "echo")).status).toBe(404);
  expect((await caller.call(listening, "echo")).status).toBe(200);
});

test("where there are as many sessions as there may be, the one idle longest makes room, and one in use does not", async () => {
  const { socketPath } = await openHost([stdioServer()], { limits: { sessionsPerServerMax: 2 } });
  const caller = callerOf(socketPath);
  const [first, second] = [await caller.open(), await caller.open()];
  await caller.call(first, "echo");
  const third = await caller.open();
  expect((await caller.call(second, "echo")).status).toBe(404);
  await Promise.all([first, third].map((session) => caller.listen(session)));
  const refused = await caller.post(initialize());
  expect([refused.status, refused.json.error?.code]).toEqual([503, "channel.busy"]);
});

test("programs of one server are bounded", async () => {
  const { host, socketPath } = await openHost([stdioServer()], { limits: { channelsPerServerMax: 2 } });
  const caller = callerOf(socketPath);
  const [first, second] = [await caller.open(), await caller.open()];
  await caller.listen(second);
  const third = await caller.open();
  await caller.listen(third);
  expect((await caller.call(first, "echo")).status).toBe(404);
  expect((await caller.post(initialize())).json.error?.code).toBe("channel.busy");
  expect(host.states().get("s")).toMatchObject({ channels: 2, sessions: 2 });
});

test("requests under way are bounded", async () => {
  const { socketPath } = await openHost([stdioServer()], { limits: { requestsPerServerMax: 2 } });
  const caller = callerOf(socketPath);
  const session = await caller.open();
  const slow = caller.send("POST", toolCall("slow"), { "mcp-session-id": session });
  await until(async () => (await seenBy(caller, session)).some(({ params }) => params?.name === "slow"), {
    what: "the slow call",
  });
  const other = caller.send("POST", toolCall("ask"), { "mcp-session-id": session });
  await until(() => other.messages().length > 0, { what: "the question" });
  expect((await caller.call(session, "echo")).json.error?.code).toBe("channel.busy");
  slow.hangUp();
  await until(async () => (await caller.call(session, "echo")).status === 200, { what: "room" });
  other.hangUp();
});

test("a caller that hangs up while its program starts leaves no program behind", async () => {
  const { host, socketPath } = await openHost([
    stdioServer([], { command: [process.execPath, "-e", "process.stdin.resume()"] }),
  ]);
  const sent = callerOf(socketPath).send("POST", initialize());
  await until(() => host.states().get("s")?.channels === 1, { what: "the program" });
  sent.hangUp();
  await until(() => host.states().get("s")?.channels === 0, { what: "the end of the program" });
  expect(host.states().get("s")?.status).toBe("stopped");
});

test("a program that does not answer `initialize` in time ends", async () => {
  const silent = stdioServer([], { command: [process.execPath, "-e", "process.stdin.resume()"], isolation: "shared" });
  const { host, socketPath } = await openHost([silent], { limits: { initializeMsMax: 100 } });
  const { status, json } = await callerOf(socketPath).post(initialize());
  expect([status, json.error?.code]).toEqual([502, "channel.timeout"]);
  expect(host.states().get("s")).toMatchObject({ status: "backing-off", channels: 0 });
});

test("what has no place here is refused with what is wrong", async () => {
  const { socketPath } = await openHost([stdioServer()], { limits: { messageBytesMax: 1_000 } });
  const caller = callerOf(socketPath);
  const session = await caller.open();
  const cases = [
    ["POST", initialize(), {}, "nobody", 404, "channel.server-unknown"],
    ["POST", initialize(), {}, "%", 404, "channel.server-unknown"],
    ["PUT", initialize(), {}, "s", 405, "channel.method-not-allowed"],
    ["POST", "{", {}, "s", 400, "channel.request-invalid"],
    ["POST", '{"jsonrpc":"2.0","id":null,"method":"x"}', {}, "s", 400, "channel.request-invalid"],
    ["POST", '{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}', {}, "s", 400, "channel.request-invalid"],
    ["POST", [initialize()], {}, "s", 400, "channel.request-invalid"],
    ["POST", toolCall("echo"), {}, "s", 400, "channel.session-missing"],
    ["GET", undefined, {}, "s", 400, "channel.session-missing"],
    ["POST", toolCall("echo"), { "mcp-session-id": "other" }, "s", 404, "channel.session-unknown"],
    ["GET", undefined, { "mcp-session-id": "other" }, "s", 404, "channel.session-unknown"],
    ["DELETE", undefined, { "mcp-session-id": "other" }, "s", 404, "channel.session-unknown"],
    ["POST", toolCall("echo", "x".repeat(1_000)), { "mcp-session-id": session }, "s", 413, "channel.request-too-large"],
  ] as const;
  for (const [method, body, headers, server, status, code] of cases) {
    const sent = caller.send(method, body, headers, server);
    const { statusCode } = await sent.head;
    await sent.over;
    expect([method, statusCode, JSON.parse(sent.text()).error.code]).toEqual([method, status, code]);
  }
  expect((await caller.call(session, "echo")).status).toBe(200);
});

test("a session of one server is no session of another", async () => {
  const { socketPath } = await openHost([stdioServer(), stdioServer([], { id: "other" })]);
  const caller = callerOf(socketPath);
  const session = await caller.open();
  expect((await caller.post(toolCall("echo"), session, "other")).status).toBe(404);
});
