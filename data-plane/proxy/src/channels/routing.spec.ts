// What a caller gets of a server behind a channel must be what the server said, under the caller's own ids: one id or token
// mixed up gives one client another's answer, and a question that goes to nobody leaves a server waiting for ever.

import { describe, expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { until } from "../../../../test/support/wait.ts";
import {
  callerOf,
  openHost,
  seenBy,
  sseServer,
  startSse,
  stdioServer,
  textOf,
  toolCall,
  type Caller,
  type Json,
  type Opened,
} from "../fixtures/channel-host-fixture.ts";
import type { ChannelServer } from "./registration.ts";

type Way = { transport: string; open: (more?: Partial<ChannelServer>, habits?: string[]) => Promise<Opened> };

const ways: Way[] = [
  { transport: "stdio", open: (more, habits) => openHost([stdioServer(habits, more)]) },
  { transport: "sse", open: async (more, habits) => openHost([sseServer(await startSse(habits), more)]) },
];

const subscriptionId = "io.modelcontextprotocol/subscriptionId";

const modern = (id: unknown, method: string) => ({
  ...{ jsonrpc: "2.0", id, method },
  params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" }, notifications: {} },
});

const cancellation = "notifications/cancelled";

async function seenOf(caller: Caller, session: string, isIt: (message: Json) => boolean): Promise<Json | undefined> {
  return (await seenBy(caller, session)).find(isIt);
}

/** Under way in the server, and not answered. */
async function slowCall(caller: Caller, session: string, id: unknown, args: unknown = {}) {
  const sent = caller.send("POST", toolCall("slow", args, id), { "mcp-session-id": session });
  await until(async () => textOf(await caller.call(session, "seen")).includes(JSON.stringify(args)), {
    what: "the slow call to arrive",
  });
  return sent;
}

describe.each(ways)("over $transport", ({ open }) => {
  test("a call is answered under the caller's own id, as JSON and byte for byte", async () => {
    const caller = callerOf((await open()).socketPath);
    const session = await caller.open();
    for (const id of ['"a\\u0062"', "7", "-1.0e2", '"7"']) {
      const { status, text } = await caller.post(
        `{"id" :${id},\n "jsonrpc":"2.0","method":"tools/call",\r\n"params":{"name":"precise"}}`,
        session,
      );
      expect([status, text]).toEqual([
        200,
        `{"result" : {"n":12345678901234567890, "t":"\\u00e9"}, "jsonrpc":"2.0","id": ${id} }`,
      ]);
    }
  });

  test("callers of one server that use the same ids and progress tokens get each their own", async () => {
    const caller = callerOf((await open({ isolation: "shared" })).socketPath);
    const sessions = await Promise.all([1, 2, 3, 4].map(() => caller.open()));
    const answers = await Promise.all(sessions.map((session, n) => caller.call(session, "echo", { n }, 1)));
    expect(answers.map((answer) => [answer.json.id, textOf(answer)])).toEqual(
      sessions.map((_, n) => [1, `{"n":${n}}`]),
    );
    const progressing = await Promise.all(
      sessions.map((session, n) =>
        caller.post(toolCall("progress", {}, 1, { progressToken: n === 0 ? "t" : 5 }), session),
      ),
    );
    for (const [n, { headers, events }] of progressing.entries()) {
      const token = n === 0 ? "t" : 5;
      expect(headers["content-type"]).toBe("text/event-stream");
      expect(events.slice(0, -1).map(({ params }) => params)).toEqual(
        [1, 2, 3].map((progress) => ({ progressToken: token, progress })),
      );
      expect(events.at(-1)).toMatchObject({ id: 1, result: { content: [{ text: "done" }] } });
    }
  });

  test("a question goes to the newest call under way, and its answer back to the server", async () => {
    const caller = callerOf((await open()).socketPath);
    const session = await caller.open();
    const slow = await slowCall(caller, session, 1);
    const asking = caller.send("POST", toolCall("ask", {}, 2), { "mcp-session-id": session });
    const question = await until(() => asking.messages()[0], { what: "the question" });
    expect(question).toMatchObject({ id: "question-1", method: "elicitation/create" });
    const result = { action: "accept", content: { x: 1 } };
    expect((await caller.post({ jsonrpc: "2.0", id: question.id, result }, session)).status).toBe(202);
    await asking.over;
    expect(asking.messages().at(-1)).toMatchObject({
      id: 2,
      result: { content: [{ text: JSON.stringify(result) }] },
    });
    await caller.call(session, "release");
    await slow.over;
    expect(JSON.parse(slow.text())).toMatchObject({ id: 1, result: {} });
  });

  test("a caller that hangs up cancels its call, and its question gets an error", async () => {
    const caller = callerOf((await open()).socketPath);
    const session = await caller.open();
    const slow = await slowCall(caller, session, "mine");
    slow.hangUp();
    const cancelled = await until(() => seenOf(caller, session, ({ method }) => method === cancellation), {
      what: "the cancellation",
    });
    const call = await seenOf(caller, session, ({ params }) => params?.name === "slow");
    expect(cancelled.params?.requestId).toBe(call?.id);
    const asking = caller.send("POST", toolCall("ask", {}, 2), { "mcp-session-id": session });
    await until(() => asking.messages().length > 0, { what: "the question" });
    asking.hangUp();
    const refused = await until(() => seenOf(caller, session, ({ id }) => id === "question-1"), { what: "the error" });
    expect(refused.error?.message).toContain("is over");
    // Too late, and dropped.
    expect((await caller.post({ jsonrpc: "2.0", id: "question-1", result: {} }, session)).status).toBe(202);
  });

  test("a caller may cancel by a message, too", async () => {
    const caller = callerOf((await open()).socketPath);
    const session = await caller.open();
    const slow = await slowCall(caller, session, "mine");
    const params = { requestId: "mine", reason: "changed my mind" };
    const notice = { jsonrpc: "2.0", method: "notifications/cancelled", params };
    expect((await caller.post(notice, session)).status).toBe(202);
    expect((await slow.head).statusCode).toBe(409);
    const seen = await until(() => seenOf(caller, session, ({ method }) => method === cancellation), {
      what: "the cancellation",
    });
    expect(seen.params).toMatchObject({ reason: "changed my mind", requestId: expect.any(Number) });
  });

  test("of a shared server nobody is asked: it is refused at once, and pings are answered", async () => {
    const caller = callerOf((await open({ isolation: "shared" })).socketPath);
    const session = await caller.open();
    const refused = await caller.call(session, "ask");
    expect(textOf(refused)).toContain("-32601");
    expect(textOf(await caller.call(session, "ask", { method: "ping" }))).toBe("{}");
  });

  test("a log line goes to the only call under way, everything else to all that listen", async () => {
    const caller = callerOf((await open({ isolation: "shared" })).socketPath);
    const [one, other] = [await caller.open(), await caller.open()];
    const streams = await Promise.all([caller.listen(one), caller.listen(one), caller.listen(other)]);
    const { events } = await caller.call(one, "log");
    expect(events.map(({ method }) => method)).toEqual(["notifications/message", undefined]);
    const slow = await slowCall(caller, other, 1);
    expect((await caller.call(one, "log")).events).toEqual([]);
    await caller.call(one, "changed");
    for (const stream of streams) {
      await until(() => stream.messages().length === 2, { what: "both" });
      expect(stream.messages().map(({ method }) => method)).toEqual([
        "notifications/message",
        "notifications/tools/list_changed",
      ]);
    }
    slow.hangUp();
  });

  test("a question outside of all calls goes to who listens, or waits for the next call", async () => {
    const caller = callerOf((await open({}, ["asks-roots"])).socketPath);
    const [patient, late] = [await caller.open(), await caller.open()];
    const stream = await caller.listen(patient);
    await until(() => stream.messages().length > 0, { what: "the question" });
    expect(stream.messages()).toMatchObject([{ id: "roots", method: "roots/list" }]);
    const slow = caller.send("POST", toolCall("slow", {}, 1), { "mcp-session-id": late });
    await until(() => slow.messages().length > 0, { what: "the question" });
    expect(slow.messages()).toMatchObject([{ id: "roots", method: "roots/list" }]);
    slow.hangUp();
  });

  test("what was said while nobody listened is heard by the next who does", async () => {
    const caller = callerOf((await open({ isolation: "shared" })).socketPath);
    const session = await caller.open();
    expect((await caller.call(session, "changed")).events).toEqual([]);
    const stream = await caller.listen(session);
    await until(() => stream.messages().length === 1, { what: "the change" });
    expect(stream.messages()).toMatchObject([{ method: "notifications/tools/list_changed" }]);
  });

  test("a server may take its question back", async () => {
    const caller = callerOf((await open()).socketPath);
    const session = await caller.open();
    const { events } = await caller.call(session, "withdraw");
    expect(events.map(({ id, method }) => method ?? id)).toEqual(["elicitation/create", cancellation, "a"]);
    await caller.post({ jsonrpc: "2.0", id: "taken-back", result: {} }, session);
    expect(await seenOf(caller, session, ({ id }) => id === "taken-back")).toBeUndefined();
  });

  test.each([
    { how: "end-listens", last: { id: "one", result: { _meta: { [subscriptionId]: "one" } } } },
    { how: "cancel-listens", last: { method: cancellation, params: { requestId: "one" } } },
  ])("a server may end a subscription ($how)", async ({ how, last }) => {
    const caller = callerOf((await open({}, ["modern"])).socketPath);
    const listen = caller.send("POST", modern("one", "subscriptions/listen"));
    await until(() => listen.messages().length === 2, { what: "the subscription" });
    await caller.post({ ...toolCall(how), params: { ...modern(1, "x").params, name: how } });
    expect(await listen.over).toEqual({ isWhole: true });
    expect(listen.messages().at(-1)).toMatchObject(last);
  });

  test("nothing that a server says harms anybody but its own callers", async () => {
    const { socketPath } = await open();
    const caller = callerOf(socketPath);
    const { seed } = seededRandom(seedFromEnv());
    const session = await caller.open();
    // Any of it may happen to be an answer.
    for (let round = 0; round < 5; round++)
      expect([200, 502]).toContain((await caller.call(session, "fuzz", { seed: seed + round, count: 2_000 })).status);
    expect(textOf(await caller.call(session, "echo", { n: 1 }))).toBe('{"n":1}');
    expect(textOf(await caller.call(await caller.open(), "echo", { n: 2 }))).toBe('{"n":2}');
  });

  test("a server of the modern era is called without a session, and its subscriptions stay open", async () => {
    const { socketPath } = await open({}, ["modern"]);
    const caller = callerOf(socketPath);
    const discovered = await caller.post(modern("d", "server/discover"));
    expect(discovered).toMatchObject({ status: 200, json: { id: "d", result: { supportedVersions: ["2026-07-28"] } } });
    expect(discovered.headers["mcp-session-id"]).toBeUndefined();
    const listens = ["one", 2].map((id) => caller.send("POST", modern(id, "subscriptions/listen")));
    for (const [at, listen] of listens.entries()) {
      await until(() => listen.messages().length === 2, { what: "what was subscribed" });
      const subscription = { [subscriptionId]: ["one", 2][at] };
      expect(listen.messages()).toEqual([
        {
          ...{ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged" },
          params: { _meta: subscription, notifications: {} },
        },
        { jsonrpc: "2.0", method: "notifications/tools/list_changed", params: { _meta: subscription } },
      ]);
    }
    listens[0]?.hangUp();
    const call = { ...toolCall("seen"), params: { ...modern(1, "x").params, name: "seen" } };
    await until(async () => textOf(await caller.post(call)).includes("notifications/cancelled"), {
      what: "the end of a subscription",
    });
    listens[1]?.hangUp();
  });
});
