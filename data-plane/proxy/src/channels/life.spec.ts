// Programs crash, hang, talk nonsense and are reconfigured under their callers. Each caller must learn what happened and at
// once; a program that is left behind would hold its files and credentials for ever.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../../../../test/support/wait.ts";
import {
  callerOf,
  dead,
  initialize,
  isAlive,
  openHost,
  seenBy,
  serverScript,
  stdioServer,
  textOf,
  toolCall,
  type Caller,
} from "../fixtures/channel-host-fixture.ts";
import type { ChannelHost } from "./host.ts";

const pidOf = async (caller: Caller, session: string) => Number(textOf(await caller.call(session, "pid")));
const stateOf = (host: ChannelHost) => host.states().get("s");

test("a server that always fails is left alone for longer each time, and says why", async () => {
  let nowMs = 0;
  const { host, socketPath } = await openHost([stdioServer(["exits-at-once"])], {
    nowMs: () => nowMs,
    random: () => 1,
  });
  const caller = callerOf(socketPath);
  expect(stateOf(host)).toMatchObject({ status: "stopped", reason: "Nobody has called it yet.", restarts: 0 });
  for (const [n, pauseMs] of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].entries()) {
    const { status, json } = await caller.post(initialize());
    const message = "The server's program ended with code 3.";
    expect([status, json]).toEqual([502, { error: { code: "channel.ended", message } }]);
    expect(stateOf(host)).toMatchObject({ status: "backing-off", reason: message, restarts: n, channels: 0 });
    nowMs += pauseMs - 1;
    const refused = await caller.post(initialize());
    expect([refused.status, refused.json.error?.code]).toEqual([503, "channel.backing-off"]);
    nowMs += 1;
    expect(stateOf(host)).toMatchObject({ status: "stopped", reason: message });
  }
});

test("a server that lived for a while begins anew with the shortest pause", async () => {
  let nowMs = 0;
  const shared = stdioServer([], { isolation: "shared" });
  const { socketPath } = await openHost([shared], { nowMs: () => nowMs, random: () => 1 });
  const caller = callerOf(socketPath);
  for (const [livedMs, pauseMs] of [
    [0, 1_000],
    [29_999, 2_000],
    [30_000, 1_000],
  ] as const) {
    const session = await caller.open();
    nowMs += livedMs;
    expect((await caller.call(session, "exit")).status).toBe(502);
    nowMs += pauseMs - 1;
    expect((await caller.post(initialize())).status).toBe(503);
    nowMs += 1;
  }
});

test("when a program ends, its calls fail with the reason, and its sessions are forgotten", async () => {
  let nowMs = 0;
  const { host, socketPath } = await openHost([stdioServer([], { isolation: "shared" })], { nowMs: () => nowMs });
  const caller = callerOf(socketPath);
  const [one, other] = [await caller.open(), await caller.open()];
  const stream = await caller.listen(other);
  const slow = caller.send("POST", toolCall("slow"), { "mcp-session-id": other });
  await until(async () => (await seenBy(caller, one)).some(({ params }) => params?.name === "slow"), {
    what: "the slow call",
  });
  const failed = await caller.call(one, "exit", { code: 7 });
  expect([failed.status, failed.json.error]).toEqual([
    502,
    { code: "channel.ended", message: "The server's program ended with code 7." },
  ]);
  expect((await slow.head).statusCode).toBe(502);
  expect(await stream.over).toEqual({ isWhole: true });
  for (const session of [one, other]) expect((await caller.call(session, "echo")).status).toBe(404);
  nowMs += 1_000;
  await caller.open();
  expect(stateOf(host)).toMatchObject({ status: "running", restarts: 1, sessions: 1, channels: 1 });
});

test("who breaks the program of his own session keeps nobody from starting another", async () => {
  const { socketPath } = await openHost([stdioServer()]);
  const caller = callerOf(socketPath);
  for (let time = 0; time < 3; time++) expect((await caller.call(await caller.open(), "exit")).status).toBe(502);
  expect((await caller.call(await caller.open(), "echo")).status).toBe(200);
});

test("a server that leaves at the question for the newer era has answered it", async () => {
  const { host, socketPath } = await openHost([stdioServer(["exits-on-unknown"], { isolation: "shared" })]);
  const caller = callerOf(socketPath);
  const params = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } };
  for (let time = 0; time < 3; time++) {
    const { status } = await caller.post({ jsonrpc: "2.0", id: 1, method: "server/discover", params });
    expect([status, stateOf(host)?.status]).toEqual([502, "stopped"]);
  }
  expect(textOf(await caller.call(await caller.open(), "echo"))).toBe("{}");
});

test("a server that ends whatever it is asked is left alone, too", async () => {
  const { host, socketPath } = await openHost([stdioServer(["exits-at-once"])]);
  const params = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } };
  const probe = { jsonrpc: "2.0", id: 1, method: "server/discover", params };
  const statuses: number[] = [];
  for (let time = 0; time < 5; time++) statuses.push((await callerOf(socketPath).post(probe)).status);
  expect([statuses, stateOf(host)?.status]).toEqual([[502, 502, 502, 502, 503], "backing-off"]);
});

test("a program that nobody uses any more ends", async () => {
  const { host, socketPath } = await openHost([stdioServer(["modern"], { isolation: "shared" })], {
    limits: { sessionIdleMsMax: 100 },
  });
  const caller = callerOf(socketPath);
  const params = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" }, name: "pid" };
  const answer = await caller.post({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  // Who speaks the other era has another program: some servers settle for one era with the first message.
  const session = await caller.open();
  await caller.listen(session);
  expect(textOf(await caller.call(session, "pid"))).not.toBe(textOf(answer));
  await dead(Number(textOf(answer)));
  expect(stateOf(host)).toMatchObject({ status: "running", channels: 1 });
  await caller.send("DELETE", undefined, { "mcp-session-id": session }).over;
  await until(() => stateOf(host)?.channels === 0, { what: "the end of the other" });
  expect(stateOf(host)).toMatchObject({ status: "stopped", reason: "Nobody has used it for some time." });
});

test("a program that is not there is named, and nothing of its environment", async () => {
  const environment = new Map([["TOKEN", "top-secret-value"]]);
  const { host, socketPath } = await openHost([stdioServer([], { command: ["no-such-program", "-x"], environment })]);
  const { status, text } = await callerOf(socketPath).post(initialize());
  expect([status, text]).toEqual([502, expect.stringContaining('\\"no-such-program\\" could not be started (ENOENT')]);
  expect(text + JSON.stringify(stateOf(host))).not.toContain("top-secret");
});

test("a program gets its own environment and a few harmless variables of ours", async () => {
  process.env["TOLLGATE_SECRET_X"] = "of the gate";
  onTestFinished(() => void delete process.env["TOLLGATE_SECRET_X"]);
  const { socketPath } = await openHost([stdioServer([], { environment: new Map([["MINE", "1"]]) })]);
  const caller = callerOf(socketPath);
  const environment: object = JSON.parse(textOf(await caller.call(await caller.open(), "env")));
  expect(environment).toMatchObject({ MINE: "1", PATH: process.env["PATH"] });
  const names = Object.keys(environment).filter((name) => name !== "MINE" && !name.startsWith("LC_"));
  const harmless = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "TZ", "TMPDIR"];
  expect(names.filter((name) => !harmless.includes(name))).toEqual([]);
});

test("what is no message is counted and dropped; an answer that readers could read two ways fails its call", async () => {
  const { host, socketPath } = await openHost([stdioServer()]);
  const caller = callerOf(socketPath);
  const session = await caller.open();
  expect(textOf(await caller.call(session, "garbage"))).toBe("done");
  expect(stateOf(host)?.dropped.garbage).toBe(3);
  const twice = await caller.call(session, "twice");
  expect([twice.status, twice.json.error?.code]).toEqual([502, "channel.protocol"]);
  expect(textOf(await caller.call(session, "echo"))).toBe("{}");
});

test("an answer that is too long fails its own call; when nobody can say whose it is, it fails all", async () => {
  const { socketPath } = await openHost([stdioServer([], { isolation: "shared" })], {
    limits: { messageBytesMax: 50_000 },
  });
  const caller = callerOf(socketPath);
  const session = await caller.open();
  const slow = caller.send("POST", toolCall("slow"), { "mcp-session-id": session });
  const big = await caller.call(session, "big", { bytes: 50_000 });
  expect([big.status, big.json.error?.code]).toEqual([502, "channel.message-too-large"]);
  expect(textOf(await caller.call(session, "big", { bytes: 49_000 }))).toHaveLength(49_000);
  const endless = await caller.call(session, "endless", { bytes: 50_000 });
  expect([endless.status, (await slow.head).statusCode]).toEqual([502, 502]);
});

test("what a program says beside the protocol is logged without what it has to keep to itself", async () => {
  const lines: object[] = [];
  const take = (line: object) => void lines.push(line);
  const log = { debug: take, info: take, warn: take, error: take };
  const environment = new Map([["SECRET", "top-secret-value"]]);
  const { host, socketPath } = await openHost([stdioServer(["says"], { environment })], { log });
  await callerOf(socketPath).open();
  await until(() => (stateOf(host)?.said.length ?? 0) > 0, { what: "the line" });
  expect(stateOf(host)?.said).toEqual(["the secret is [redacted]"]);
  expect(lines).toContainEqual({ server: "files", line: "the secret is [redacted]" });
  expect(JSON.stringify(lines)).not.toContain("top-secret");
});

test("a changed server is replaced without a failed call, an unchanged one goes on, and a removed one ends", async () => {
  const same = stdioServer([], { id: "same", environment: new Map([["A", "1"]]) });
  const before = stdioServer([], { isolation: "shared" });
  const { host, socketPath } = await openHost([before, same]);
  const caller = callerOf(socketPath);
  const [old, kept] = [await caller.open(), await caller.open("same")];
  const slow = caller.send("POST", toolCall("slow"), { "mcp-session-id": old });
  const oldPid = await pidOf(caller, old);
  const keptPid = Number(textOf(await caller.post(toolCall("pid"), kept, "same")));
  const after = stdioServer([], { isolation: "shared", environment: new Map([["B", "2"]]) });
  host.replace([after, { ...same, environment: new Map(same.environment) }]);
  const fresh = await caller.open();
  expect(await pidOf(caller, fresh)).not.toBe(oldPid);
  expect(Number(textOf(await caller.post(toolCall("pid"), kept, "same")))).toBe(keptPid);
  expect((await caller.call(old, "release")).status).toBe(200);
  expect([(await slow.head).statusCode, JSON.parse(await slow.over.then(slow.text))]).toMatchObject([200, { id: "a" }]);
  await dead(oldPid);
  expect((await caller.call(old, "echo")).status).toBe(404);
  const freshPid = await pidOf(caller, fresh);
  host.replace([same]);
  await dead(freshPid);
  expect((await caller.call(fresh, "echo")).json.error?.code).toBe("channel.server-unknown");
  expect(isAlive(keptPid)).toBe(true);
});

test("calls of a replaced server that do not end are ended after a bound", async () => {
  const { host, socketPath } = await openHost([stdioServer()], { limits: { retiredMsMax: 50 } });
  const caller = callerOf(socketPath);
  const session = await caller.open();
  const slow = caller.send("POST", toolCall("slow"), { "mcp-session-id": session });
  await until(async () => (await seenBy(caller, session)).some(({ params }) => params?.name === "slow"), {
    what: "the slow call",
  });
  host.replace([stdioServer([], { name: "other" })]);
  const head = await slow.head;
  await slow.over;
  expect([head.statusCode, JSON.parse(slow.text()).error.code]).toEqual([502, "channel.replaced"]);
});

test("a program that ignores its closed input and SIGTERM is killed, with what it started", async () => {
  const { host, socketPath } = await openHost([
    stdioServer([], {
      command: ["/bin/sh", "-c", `"${process.execPath}" "${serverScript}" stubborn; true`],
    }),
  ]);
  const caller = callerOf(socketPath);
  const pid = await pidOf(caller, await caller.open());
  await host.close();
  // Who has lost its parent is buried by somebody else, in a moment.
  await dead(pid);
});

test("when the host is killed, its programs end with it, also those that ignore everything else", async () => {
  const script = fileURLToPath(new URL("../fixtures/channel-host-process.ts", import.meta.url));
  const hostProcess = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void hostProcess.kill("SIGKILL"));
  const [socketPath] = await once(createInterface(hostProcess.stdout), "line");
  onTestFinished(() => rmSync(dirname(String(socketPath)), { recursive: true, force: true }));
  const caller = callerOf(String(socketPath));
  const pids = [await pidOf(caller, await caller.open()), await pidOf(caller, await caller.open())];
  expect(pids.map(isAlive)).toEqual([true, true]);
  hostProcess.kill("SIGKILL");
  for (const pid of pids) await dead(pid);
}, 20_000);
