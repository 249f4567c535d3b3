// Whom the gate talks to for whom. A name that had to be altered is looked up in its server's own list; were that done for
// anybody who asks, every key could make the gate call servers that it does not reach, and tell by the time that they exist.

import { create } from "@bufbuild/protobuf";
import { apply } from "@tollgate/kernel/replica";
import { viewOf, type View } from "@tollgate/kernel/view";
import { RecordSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import {
  at,
  key,
  post,
  server,
  startGate,
  startScripted,
  started,
  team,
  viewWith,
  type Received,
} from "../fixtures/gate-fixture.ts";
import { exposedName } from "./surface/names.ts";

const tool = "read.file";

function answer({ method, body, response }: Received): void {
  const { id, params } = JSON.parse(body);
  const result = method === "tools/list" ? { tools: [{ name: tool }] } : { called: params.name };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result }));
}

const request = (method: string, params: object = {}) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });

async function startWith(view: View, text: string) {
  const gate = started(await startGate(view));
  const ask = (body: string) => post(`${gate.url}/mcp`, body, { authorization: `Bearer ${text}` });
  return { gate, ask, call: (name: string) => ask(request("tools/call", { name })) };
}

test("an altered name is looked up only for who reaches something of its server; for all others it does not exist", async () => {
  const hidden = started(await startScripted(answer));
  const own = started(await startScripted(answer));
  // Patterns that touch the hidden server's name without granting anything of it.
  const agent = key(["own/*", "hid/*", "hidden-too/*", "*-hidden/*"]);
  const view = viewWith([team(), agent.resource, server("hidden", hidden.url), server("own", own.url)]);
  const { gate, ask, call } = await startWith(view, agent.text);
  const nowhere = await call("nowhere__x_deadbeef");
  for (const name of [exposedName("hidden", tool), "hidden__x_deadbeef", "hidden__read.file"]) {
    const { status, text } = await call(name);
    expect([status, text]).toEqual([nowhere.status, nowhere.text]);
  }
  expect(gate.facts.map(({ kind }) => kind.case)).toEqual(Array(4).fill("callRefused"));
  expect(at((await call(exposedName("own", tool))).json, "result")).toEqual({ called: tool });
  expect(at((await ask(request("tools/list"))).json, "result", "tools")).toEqual([{ name: exposedName("own", tool) }]);
  expect(own.received.map(({ method }) => method)).toContain("tools/list");
  expect(hidden.received.map(({ method }) => method)).toEqual([]);
});

test("a server about which something was not understood is not asked for anything, whoever may reach it", async () => {
  const unclear = started(await startScripted(answer));
  const agent = key(["*/*"]);
  const resource = server("unclear", unclear.url);
  const { replica } = viewWith([team(), agent.resource, resource]);
  const unheard = { type: "tollgate.v1.Unheard", scopes: [`server/${resource.id}`], body: new Uint8Array() };
  const { ask, call } = await startWith(
    viewOf(apply(replica, [create(RecordSchema, { position: 2n, commit: 2n, ...unheard })])),
    agent.text,
  );
  expect(at((await call(exposedName("unclear", tool))).json, "error", "data", "code")).toBe("mcp.tool-unknown");
  expect(at((await ask(request("tools/list"))).json, "result", "tools")).toEqual([]);
  expect(unclear.received.map(({ method }) => method)).toEqual([]);
});
