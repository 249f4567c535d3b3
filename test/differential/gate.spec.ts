// Real servers through the gate, against the same servers directly: what they list and what they answer is to be the same to
// the byte, under the names that they gave (a group that leaves names alone), in the same order. Otherwise a gate would be
// between people and their servers as another server. The handshake is the gate's own, and only what it takes over from the
// server is compared. Servers that are programs on stdio alone are not among them.

import { Era, ToolNaming } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import * as fixture from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";
import { comparable } from "./comparable.ts";
import { serversAvailability } from "./install.ts";
import { observe, type Answer, type Observation } from "./observe.ts";
import { connectByHttp } from "./raw-http.ts";
import { elementTexts, memberText } from "./raw-message.ts";
import { realServers, type RealServer, type Variation } from "./servers.ts";
import { freshFolder, serveOnHttp, startOnHttp } from "./start-server.ts";

const { group, key, startGate, team, viewWith } = fixture;

const testMsMax = 60_000;

/** What the gate declares to servers, as it can bring all of it to clients; so a server lists the same to both. */
const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };

async function observeDirectly(server: RealServer): Promise<Observation> {
  await using folder = await freshFolder(server);
  await using client = await startOnHttp(server, folder.path);
  return await observe(client, { calls: server.calls(folder.path), capabilities });
}

async function observeThroughGate(server: RealServer, era: Era): Promise<{ seen: Observation; spoken: unknown }> {
  await using folder = await freshFolder(server);
  await using running = await serveOnHttp(server, folder.path);
  const agent = key(["*/*"]);
  const registered = fixture.server(server.name, running.url, { timeoutSeconds: 30, era });
  const plain = group("plain", { naming: ToolNaming.NONE });
  const { url, gate, stop } = await startGate(viewWith([team(), agent.resource, registered, plain]));
  try {
    const known = () => gate.mcp.catalogues.of(registered.id);
    await until(() => known()?.health.state === "connected", { what: `${server.name} to be known`, timeoutMs: 20_000 });
    await using client = connectByHttp({ url: `${url}/mcp/plain`, headers: { "x-tollgate-key": agent.text } });
    const seen = await observe(client, { calls: server.calls(folder.path), capabilities });
    return { seen, spoken: known()?.era };
  } finally {
    await stop();
  }
}

/** Which items are on which page is the gate's own affair. */
function partsOf(observation: Observation, varies: readonly Variation[]) {
  const { initialize, tools, prompts, resources, resourceTemplates, calls } = comparable(observation, varies);
  return {
    instructions: memberText(resultText(initialize), "instructions"),
    tools: itemsOf(tools, "tools"),
    prompts: itemsOf(prompts, "prompts"),
    resources: itemsOf(resources, "resources"),
    resourceTemplates: itemsOf(resourceTemplates, "resourceTemplates"),
    calls,
  };
}

function itemsOf(pages: readonly Answer[], member: string): string[] {
  return pages.flatMap((page) => elementTexts(memberText(resultText(page), member) ?? "[]"));
}

function resultText(answer: Answer): string {
  if ("error" in answer) throw new Error(`refused: ${answer.error}`);
  return answer.result;
}

const overHttp = realServers.filter(({ http }) => http !== undefined);
/** A modern server names itself in each result, as `_meta` of a legacy result may as well: the gate leaves it there. */
const modernMark = /,"_meta":\{"io\.modelcontextprotocol\/serverInfo":\{[^{}]*\}\}\}$/;

function withoutMark(observation: Observation): Observation {
  const calls = observation.calls.map(({ call, answer }) => ({
    call,
    answer: "result" in answer ? { result: answer.result.replace(modernMark, "}") } : answer,
  }));
  return { ...observation, calls };
}

describeWith(await serversAvailability(), "Real servers, through the gate", () => {
  test.each(overHttp)(
    "$name is the same, in the era that the gate finds",
    async (server) => {
      const isModern = server.http?.isModern === true;
      const { seen, spoken } = await observeThroughGate(server, Era.UNSPECIFIED);
      expect(spoken).toBe(isModern ? "modern" : "legacy");
      const parts = partsOf(isModern ? withoutMark(seen) : seen, server.varies);
      // Nothing is always equal to nothing.
      expect(parts.tools).not.toEqual([]);
      expect(parts).toEqual(partsOf(await observeDirectly(server), server.varies));
    },
    testMsMax,
  );

  test.each(overHttp.filter(({ http }) => http?.isModern === true))(
    "$name is the same to the byte in the client's own era",
    async (server) => {
      const { seen, spoken } = await observeThroughGate(server, Era.LEGACY);
      expect(spoken).toBe("legacy");
      expect(partsOf(seen, server.varies)).toEqual(partsOf(await observeDirectly(server), server.varies));
    },
    testMsMax,
  );
});
