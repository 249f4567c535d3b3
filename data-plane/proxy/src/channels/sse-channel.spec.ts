// Servers of the transport of 2024-11-05 keep the promises of a channel, and lead the gate nowhere but to where they are
// registered.

import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../listen.ts";
import { until } from "../../../../test/support/wait.ts";
import { callerOf, initialize, openHost, sseServer, startSse, textOf } from "../fixtures/channel-host-fixture.ts";
import { contractBytesMax, describeChannel } from "../fixtures/channel.contract.ts";
import { channelLimits } from "./limits.ts";
import { openSseChannel } from "./sse-channel.ts";

async function listening(answer: RequestListener): Promise<{ server: Server; host: string }> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const limits = { ...channelLimits, messageBytesMax: contractBytesMax };

describeChannel("HTTP+SSE", async () => {
  const server = { headers: ["x-auth", "let-me-in"], allowPrivateNetwork: true };
  const [url, nowhere] = [await startSse(), `http://127.0.0.1:${await freePort("127.0.0.1", 0)}/sse`];
  return {
    open: (events) => openSseChannel({ ...server, url }, limits, events),
    openToNothing: (events) => openSseChannel({ ...server, url: nowhere }, limits, events),
  };
});

test("a server that wants messages posted to another origin gets none", async () => {
  const posted: string[] = [];
  const { host: other } = await listening((request, response) => {
    posted.push(String(request.url));
    response.end();
  });
  for (const endpoint of [`http://${other}/post`, `//${other}/post`, "http://", "file:///etc/passwd"]) {
    const { host, socketPath } = await openHost([sseServer(await startSse([], { ENDPOINT: endpoint }))]);
    const { status, json } = await callerOf(socketPath).post(initialize());
    expect([status, json.error?.code], endpoint).toEqual([502, "channel.protocol"]);
    await host.close();
  }
  expect(posted).toEqual([]);
});

test("a private address is not dialled unless the registration allows it", async () => {
  const url = await startSse();
  for (const to of [url, url.replace("127.0.0.1", "localhost")]) {
    const { socketPath } = await openHost([sseServer(to, { allowPrivateNetwork: false })]);
    const { status, json } = await callerOf(socketPath).post(initialize());
    expect([status, json.error?.message]).toEqual([502, expect.stringContaining("not one that may be dialled")]);
  }
});

test("a registration without a usable URL starts nothing", async () => {
  for (const url of ["", "/sse", "file:///etc/passwd", "ftp://example.org/"]) {
    const { socketPath } = await openHost([sseServer(url)]);
    const { status, json } = await callerOf(socketPath).post(initialize());
    expect([status, json.error?.code]).toEqual([502, "channel.not-started"]);
  }
});

test("a server that refuses is named by its status, and nothing of the credential", async () => {
  const { socketPath } = await openHost([sseServer(await startSse(), { headers: ["x-auth", "wrong-secret"] })]);
  const { status, text } = await callerOf(socketPath).post(initialize());
  expect([status, text]).toEqual([502, expect.stringMatching(/channel\.refused.*answered 401/)]);
  expect(text).not.toContain("wrong-secret");
});

test("each session has a stream of its own, which ends with it", async () => {
  const { host, socketPath } = await openHost([sseServer(await startSse())]);
  const caller = callerOf(socketPath);
  const [one, other] = [await caller.open(), await caller.open()];
  const pids = [textOf(await caller.call(one, "pid")), textOf(await caller.call(other, "pid"))];
  expect(new Set(pids).size).toBe(2);
  await caller.send("DELETE", undefined, { "mcp-session-id": one }).over;
  await until(() => host.states().get("s")?.channels === 1, { what: "the end of the stream" });
  expect(textOf(await caller.call(other, "pid"))).toBe(pids[1]);
});

test("a server that never says where to post ends in time", async () => {
  const { host } = await listening((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  });
  const { socketPath } = await openHost([sseServer(`http://${host}/sse`)], { limits: { answerMsMax: 100 } });
  const { status, json } = await callerOf(socketPath).post(initialize());
  expect([status, json.error?.code]).toEqual([502, "channel.timeout"]);
});

test("a message that was said to have failed does not get there afterwards", async () => {
  let posts = 0;
  let connections = 0;
  const { server, host } = await listening((request, response) => {
    if (request.method === "POST") return void (posts += 1);
    response.writeHead(200, { "content-type": "text/event-stream" }).write("event: endpoint\ndata: /post\n\n");
  });
  server.on("connection", () => void (connections += 1));
  const nobody = {
    onMessage: () => undefined,
    onOversized: () => undefined,
    onClosed: () => undefined,
    onSaid: () => undefined,
  };
  const bounds = { messageBytesMax: 1_000, unreadBytesMax: 10_000, answerMsMax: 300 };
  const channel = openSseChannel({ url: `http://${host}/sse`, headers: [], allowPrivateNetwork: true }, bounds, nobody);
  let failed = 0;
  for (let message = 0; message < 20; message++) channel.send(Buffer.from("{}"), () => void (failed += 1));
  // One of sixteen connections is the stream's: the others wait, and have their turn when it is too late.
  await until(() => failed === 20 && connections > 16, {
    what: "all to have failed, and those that waited to be dialled",
  });
  await channel.close();
  await until(() => openConnections(server).then((open) => open === 0), { what: "the end of all connections" });
  expect(posts).toBe(15);
});

const openConnections = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
