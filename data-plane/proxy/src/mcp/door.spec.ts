// Whom the gate lets reach what, by the names that clients send. What a key does not reach answers like what is not there,
// whatever the name looks like: were it otherwise, anybody could list the servers that he may not know of.

import { create } from "@bufbuild/protobuf";
import { apply } from "@tollgate/kernel/replica";
import { viewOf, type View } from "@tollgate/kernel/view";
import { RecordSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import {
  ask,
  at,
  key,
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

function answer({ body, response }: Received): void {
  const { id, params } = JSON.parse(body);
  const message = { jsonrpc: "2.0", id, result: { called: params.name } };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(message));
}

async function startWith(view: View, text: string) {
  const gate = started(await startGate(view));
  const list = async () => at((await ask(gate, text, "tools/list")).json, "result", "tools");
  return { gate, list, call: (name: string) => ask(gate, text, "tools/call", { name }) };
}

test("an altered name leads to its tool for who reaches it; for all others it does not exist", async () => {
  const hidden = started(await startScripted(answer, { tools: [tool] }));
  const own = started(await startScripted(answer, { tools: [tool] }));
  // Patterns that touch the hidden server's name without granting anything of it.
  const agent = key(["own/*", "hid/*", "hidden-too/*", "*-hidden/*"]);
  const view = viewWith([team(), agent.resource, server("hidden", hidden.url), server("own", own.url)]);
  const { gate, list, call } = await startWith(view, agent.text);
  const nowhere = await call("nowhere__x_deadbeef");
  for (const name of [exposedName("hidden", tool), "hidden__x_deadbeef", "hidden__read.file", "hidden__other"]) {
    const { status, text } = await call(name);
    expect([status, text]).toEqual([nowhere.status, nowhere.text]);
  }
  expect(gate.facts.map(({ kind }) => kind.case)).toEqual(Array(5).fill("callRefused"));
  expect(at((await call(exposedName("own", tool))).json, "result", "called")).toBe(tool);
  expect(await list()).toEqual([{ name: exposedName("own", tool) }]);
  expect(hidden.received.map(({ method }) => method)).not.toContain("tools/call");
});

test("a server about which something was not understood is not asked for anything, whoever may reach it", async () => {
  const unclear = started(await startScripted(answer, { tools: [tool] }));
  const agent = key(["*/*"]);
  const resource = server("unclear", unclear.url);
  const { replica } = viewWith([team(), agent.resource, resource]);
  const unheard = { type: "tollgate.v1.Unheard", scopes: [`server/${resource.id}`], body: new Uint8Array() };
  const { list, call } = await startWith(
    viewOf(apply(replica, [create(RecordSchema, { position: 2n, commit: 2n, ...unheard })])),
    agent.text,
  );
  expect(at((await call(exposedName("unclear", tool))).json, "error", "data", "code")).toBe("mcp.tool-unknown");
  expect(await list()).toEqual([]);
  expect(unclear.received.map(({ method }) => method)).toEqual([]);
});
