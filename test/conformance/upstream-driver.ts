// The program that the suite's client half starts: `upstream-driver.ts legacy|modern URL`. The URL is a server of the suite's;
// a gate in this process has it as its one server, and a client of the given era plays the scenario through the gate, at the
// endpoint of a group that leaves names as they are. Which era the server speaks is the gate's to find out. It ends with 0 when
// the client got what it was owed.

import { ToolNaming } from "@tollgate/schema/resources";
import { group, key, server, startGate, team, viewWith } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { scenarioEnvironment } from "../support/environment.ts";
import { until } from "../support/wait.ts";
import { connectLegacy } from "./end-client-legacy.ts";
import { connectModern } from "./end-client-modern.ts";
import { acceptDefaults, messageFrom, type Answerer } from "./end-client.ts";
import { plays } from "./upstream-scenarios.ts";

const runMsMax = 20_000;

async function main(era: string | undefined, url: string): Promise<void> {
  const { scenario, context } = scenarioEnvironment();
  const play = plays[scenario];
  if (play === undefined) throw new Error(`nobody plays ${scenario}`);
  const agent = key(["*/*"]);
  const judge = server("judge", url, { timeoutSeconds: 15 });
  const plain = group("plain", { naming: ToolNaming.NONE });
  const gate = await startGate(viewWith([team(), agent.resource, judge, plain]));
  const isConnected = (): boolean => gate.gate.mcp.catalogues.of(judge.id)?.health.state === "connected";
  await until(isConnected, { what: "the gate to know its server" });

  let before: () => Promise<void> = async () => {};
  const answer: Answerer = async (method, params) => {
    await before();
    return acceptDefaults(method, params);
  };
  const client = await (era === "modern" ? connectModern : connectLegacy)({
    url: `${gate.url}/mcp/plain`,
    headers: { "x-tollgate-key": agent.text },
    capabilities: { elicitation: { form: {} } },
    answer,
  });
  await play(client, messageFrom(context === undefined ? {} : JSON.parse(context)), (act) => (before = act));
  await client.close();
  await gate.stop();
}

const [era, url] = process.argv.slice(2);
if (url === undefined || (era !== "legacy" && era !== "modern"))
  throw new Error("upstream-driver.ts legacy|modern URL");
// Whoever started it kills the shell between the two, and not this.
setTimeout(() => {
  throw new Error(`not done after ${runMsMax} ms`);
}, runMsMax).unref();
await main(era, url);
