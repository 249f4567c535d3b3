// Two readers of one message must not see two truths, also where the gate reads deeper than a message's first members: what a client
// can do decides which questions reach him, and what he answers is given to servers. Of two that are there, another reader may
// take the other one.

import { expect, test } from "vitest";
import { mcpRequest } from "../../../../test/support/mcp-request.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { result, startUpstream } from "../fixtures/upstream-fixture.ts";

const { at, key, post, server, startGate, started, team, viewWith } = fixture;

const agent = key(["*/*"]);
const authorization = `Bearer ${agent.text}`;
const codeOf = ({ status, json }: fixture.Answer) => [status, at(json, "error", "data", "code")];
const doubled = [400, "mcp.duplicate-member"];

async function setUp(era: "legacy" | "modern") {
  const onRequest = (incoming: Parameters<typeof result>[0]) =>
    result(incoming, { resultType: "complete", content: [] });
  const upstream = started(await startUpstream({ era, offer: { tools: ["t"] }, onRequest }));
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
  /** `placeholder` in the request is written as the text. */
  const send = (method: string, params: object, text: string) => {
    const { headers, body } = mcpRequest(method, params);
    return post(`${gate.url}/mcp`, body.replace('"placeholder"', text), { ...headers, authorization });
  };
  return { upstream, gate, send };
}

for (const era of ["legacy", "modern"] as const)
  test(`what a client declares or answers twice is refused before it goes to a ${era} server`, async () => {
    const { upstream, gate, send } = await setUp(era);
    const call = (inputResponses: string) =>
      send("tools/call", { name: "s__t", arguments: {}, inputResponses: "placeholder" }, inputResponses);
    expect(codeOf(await call('{"who":{"action":"accept"},"wh\\u006f":{"action":"decline"}}'))).toEqual(doubled);
    expect(codeOf(await call('{"who":{},"Who":{}}'))).toEqual([200, undefined]);
    const declaring = (capabilities: string) => {
      const { headers, body } = mcpRequest("tools/call", { name: "s__t" }, 1, { placeholder: 1 });
      const sent = body.replace('{"placeholder":1}', capabilities);
      return post(`${gate.url}/mcp`, sent, { ...headers, authorization });
    };
    for (const capabilities of ['{"roots":{},"roots":null}', '{"elicitation":{},"Elicitation":{"url":{}}}'])
      expect(codeOf(await declaring(capabilities)), capabilities).toEqual(doubled);
    expect(codeOf(await declaring('{"roots":{},"other":1,"other":2}'))).toEqual([200, undefined]);
    expect(upstream.count("tools/call")).toBe(2);
  });

test("so is what a client wants to hear of, and what one of the former era declares", async () => {
  const { gate, send } = await setUp("modern");
  const wish = '{"toolsListChanged":true,"toolsListChanged":false}';
  expect(codeOf(await send("subscriptions/listen", { notifications: "placeholder" }, wish))).toEqual(doubled);
  const params =
    '{"protocolVersion":"2025-11-25","capabilities":{"sampling":{},"sampling":{}},"clientInfo":{"name":"n"}}';
  const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":${params}}`;
  const headers = { accept: "application/json, text/event-stream", authorization };
  expect(codeOf(await post(`${gate.url}/mcp`, body, headers))).toEqual(doubled);
});
