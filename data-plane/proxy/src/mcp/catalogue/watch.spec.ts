// A server that is registered with another address is another server under the same name: agents that went on seeing the tools
// of the former one would call what is not there, and an admin would approve what nobody has.

import { fromBinary } from "@bufbuild/protobuf";
import { ServerSchema } from "@tollgate/schema/resources";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { openAsk } from "../../fixtures/client-fixture.ts";
import {
  ask,
  at,
  key,
  moved,
  server,
  startExample,
  startGate,
  started,
  startScripted,
  team,
  until,
  viewWith,
} from "../../fixtures/gate-fixture.ts";
import { startUpstream } from "../../fixtures/upstream-fixture.ts";
import { openLog } from "../../log-output.ts";
import { createDeadlines } from "../../upstream/deadlines.ts";
import { createSecretValues } from "../../upstream/secret-values.ts";
import { createUpstreams } from "../../upstream/upstreams.ts";
import { openRoom } from "../list-bounds.ts";
import type { Catalogue } from "./catalogue.ts";
import { watchServer } from "./watch.ts";

test("what a server lists at its new address takes the place of what it listed, and is told", async () => {
  const nothing = () => undefined;
  const former = started(await startScripted(nothing, { tools: ["former"] }));
  const latter = started(await startScripted(nothing, { tools: ["latter"] }));
  const agent = key(["*/*"]);
  const before = server("s", former.url);
  const gate = started(await startGate(viewWith([team(), agent.resource, before])));
  const names = async (): Promise<unknown> => {
    const tools = at((await ask(gate, agent.text, "tools/list")).json, "result", "tools");
    return Array.isArray(tools) ? tools.map((tool) => at(tool, "name")) : [];
  };
  await until(async () => String(await names()) === "s__former", "the former tool");
  const listening = await openAsk(gate, agent, "subscriptions/listen", { notifications: { toolsListChanged: true } });
  await listening.next("notifications/subscriptions/acknowledged");
  gate.show(viewWith([team(), agent.resource, moved(before, latter.url)], 2n));
  await listening.next("notifications/tools/list_changed");
  expect(await names()).toEqual(["s__latter"]);
});

test("a call right behind a move waits until it is known what is spoken at the new address", async () => {
  const legacy = started(await startExample({ SESSIONS: "1" }));
  const modern = started(await startExample({ ERA: "modern" }));
  const agent = key(["*/*"]);
  const before = server("s", legacy.url);
  const gate = started(await startGate(viewWith([team(), agent.resource, before])));
  let position = 1n;
  for (const [index, { url }] of [modern, legacy, modern].entries()) {
    gate.show(viewWith([team(), agent.resource, moved(before, url)], ++position));
    const { json } = await ask(gate, agent.text, "tools/call", { name: "s__echo", arguments: { index } });
    expect(at(json, "result", "content", 0, "text")).toBe(`{"index":${index}}`);
  }
});

test("a look that finds everything as it was is not said to anybody", async () => {
  const upstream = started(await startUpstream({ offer: { tools: ["t"] } }));
  const upstreams = createUpstreams(createSecretValues());
  const deadlines = createDeadlines();
  const { id, bytes } = server("s", upstream.url);
  const limits = loadConfig({ TOLLGATE_JOIN_TOKEN_FILE: "none" });
  const said: Catalogue[] = [];
  const watch = watchServer({
    ...{ upstreams, deadlines, limits, upstream: upstreams.of(fromBinary(ServerSchema, bytes)), serverId: id },
    ...{ order: ["legacy"], interactive: false, room: openRoom(1_000_000), messageBytesMax: 1_000_000 },
    ...{ log: openLog("silent", {}), wallMs: Date.now, onCatalogue: (catalogue) => said.push(catalogue) },
  });
  onTestFinished(async () => {
    watch.close();
    await upstreams.close();
    deadlines.close();
  });
  const isKnown = () => said.at(-1)?.health.state === "connected";
  await until(isKnown, "the server to be met");
  const { length } = said;
  for (const looks of [2, 3]) {
    watch.suspect();
    await until(() => upstream.count("tools/list") === looks, "another look");
  }
  expect(said).toHaveLength(length);
  upstream.offer.tools = ["u"];
  watch.suspect();
  await until(() => said.length === length + 1, "what is new");
});
