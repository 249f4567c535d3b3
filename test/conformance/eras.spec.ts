// Each fixture stays in its era and knows its revisions: a handshake ends with the revision that was asked for, or with the
// newest one, which the conformance suite never tries; and what comes from the other era is refused as servers of that era
// refuse it. By these refusals a client, or a gate, finds out whom it speaks to.

import { expect, test } from "vitest";
import { startFixture } from "./fixture.ts";

const revisions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const accept = "application/json, text/event-stream";
const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const discover = { jsonrpc: "2.0", id: 1, method: "server/discover", params: { _meta: meta } };

const initialize = (protocolVersion: string) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo: { name: "test", version: "1" } },
});

async function post(url: string, message: object, headers: Record<string, string> = {}) {
  const body = JSON.stringify(message);
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept, ...headers },
    body,
  });
  const text = await response.text();
  const data = /^data: (\{.*)$/m.exec(text)?.[1] ?? text;
  return { status: response.status, headers: response.headers, message: data === "" ? undefined : JSON.parse(data) };
}

test.each(revisions)("the legacy fixture speaks %s with who asks for it", async (revision) => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  const opened = await post(fixture.url, initialize(revision));
  expect(opened.message).toMatchObject({ id: 1, result: { protocolVersion: revision } });
  const session = {
    "mcp-session-id": opened.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": revision,
  };
  const initialized = { jsonrpc: "2.0", method: "notifications/initialized" };
  expect(await post(fixture.url, initialized, session)).toMatchObject({ status: 202 });
  const called = await post(
    fixture.url,
    { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "test_simple_text" } },
    session,
  );
  expect(called).toMatchObject({ status: 200, message: { id: 2, result: { content: [{ type: "text" }] } } });
  expect((await fixture.seen()).sessions).toEqual({ opened: 1, open: 1 });

  await fixture.control("end-sessions");
  expect(await post(fixture.url, { jsonrpc: "2.0", id: 3, method: "ping" }, session)).toMatchObject({ status: 404 });
  expect((await fixture.seen()).sessions).toEqual({ opened: 1, open: 0 });
});

test("the legacy fixture offers its newest revision to who asks for one that it does not know", async () => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  const { message } = await post(fixture.url, initialize("2026-07-28"));
  expect(message).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
});

test("the legacy fixture knows nothing of the modern era", async () => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "server/discover" };
  expect(await post(fixture.url, discover, headers)).toMatchObject({
    status: 400,
    message: { error: { code: -32000 } },
  });

  await using process = await startFixture({ era: "legacy", transport: "stdio" });
  process.send(discover);
  expect(await process.receive()).toMatchObject({ id: 1, error: { code: -32601 } });
  process.send({ ...initialize("2025-06-18"), id: 2 });
  expect(await process.receive()).toMatchObject({ id: 2, result: { protocolVersion: "2025-06-18" } });
});

test("the modern fixture refuses a handshake, and says which revision it speaks", async () => {
  const refused = { error: { code: -32022, data: { supported: ["2026-07-28"], requested: "2025-11-25" } } };
  await using fixture = await startFixture({ era: "modern", transport: "http" });
  const answer = await post(fixture.url, initialize("2025-11-25"));
  expect(answer).toMatchObject({ status: 400, message: refused });
  expect(answer.headers.get("mcp-session-id")).toBeNull();

  await using process = await startFixture({ era: "modern", transport: "stdio" });
  process.send(initialize("2025-11-25"));
  expect(await process.receive()).toMatchObject(refused);
  process.send({ ...discover, id: 2 });
  expect(await process.receive()).toMatchObject({ id: 2, result: { supportedVersions: ["2026-07-28"] } });
});

test("what came is seen as it came: method, headers and body", async () => {
  await using fixture = await startFixture({ era: "modern", transport: "http" });
  await fixture.control("forget");
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "server/discover", "x-own": "1" };
  await post(fixture.url, discover, headers);
  const { requests } = await fixture.seen();
  expect(requests).toMatchObject([{ method: "POST", path: "/mcp", headers: { "x-own": "1" }, body: discover }]);
});
