// A server that says more than anybody reads, and callers that do not read what they asked for. Neither may cost the host
// more memory than its bounds, or hold up for ever those who share the server.

import { expect, test } from "vitest";
import { until } from "../../../../test/support/wait.ts";
import { callerOf, openHost, stdioServer, textOf, toolCall } from "../fixtures/channel-host-fixture.ts";

const shared = stdioServer([], { isolation: "shared" });

test("notifications that nobody reads are dropped from the oldest on and counted, and answers still come", async () => {
  const streamBytesMax = 64 * 1024;
  const { host, socketPath } = await openHost([shared], { limits: { streamBytesMax } });
  const caller = callerOf(socketPath);
  const session = await caller.open();
  const stream = await caller.listen(session);
  const resume = await stream.pause();
  const count = 20_000;
  const { events, json } = await caller.call(session, "flood", { count });
  expect([events, json.id]).toEqual([[], "a"]);
  const dropped = host.states().get("s")?.dropped.unheard ?? 0;
  // A socket's own buffers hold some of the twenty megabytes.
  expect(dropped).toBeGreaterThan(count * 0.9);
  resume();
  await until(() => stream.messages().at(-1)?.params?.["uri"] === `x:${count - 1}`, { what: "the newest" });
  expect(stream.messages().length + dropped).toBe(count);
});

test("who does not read an answer holds up the server for a while, and is then cut off", async () => {
  const { socketPath } = await openHost([shared], { limits: { slowReaderMsMax: 500, slowReaderBytes: 1_000 } });
  const caller = callerOf(socketPath);
  const session = await caller.open();
  const lazy = caller.send("POST", toolCall("big", { bytes: 8_000_000 }, 1), { "mcp-session-id": session });
  const resume = await lazy.pause();
  // Comes through when the other is cut.
  expect(textOf(await caller.call(session, "echo", { n: 1 }))).toBe('{"n":1}');
  resume();
  expect(await lazy.over).toEqual({ isWhole: false });
});

test("a large answer arrives whole, and those behind it too", async () => {
  const { socketPath } = await openHost([shared], { limits: { slowReaderBytes: 1_000 } });
  const caller = callerOf(socketPath);
  const session = await caller.open();
  const sizes = [8_000_000, 1, 3_000_000, 70_000];
  const answers = await Promise.all(sizes.map((bytes, id) => caller.call(session, "big", { bytes }, id)));
  expect(answers.map((answer) => [answer.json.id, textOf(answer).length])).toEqual(
    sizes.map((bytes, id) => [id, bytes]),
  );
});

test("what a program does not read is bounded", async () => {
  const deaf = stdioServer([], { command: [process.execPath, "-e", "setInterval(() => {}, 1000)"] });
  const { socketPath } = await openHost([deaf], { limits: { unreadBytesMax: 100_000 } });
  const caller = callerOf(socketPath);
  const modern = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" }, pad: "x".repeat(80_000) };
  const request = { jsonrpc: "2.0", id: 1, method: "server/discover", params: modern };
  const sent = Array.from({ length: 8 }, () => caller.send("POST", request));
  const refused = await Promise.any(
    sent.map(async (one) => {
      await one.over;
      return JSON.parse(one.text()).error.code;
    }),
  );
  expect(refused).toBe("channel.busy");
  for (const one of sent) one.hangUp();
});
