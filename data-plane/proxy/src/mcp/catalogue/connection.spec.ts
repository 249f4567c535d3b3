// Which era a server speaks is found out by asking it. Without these guarantees a server would be called in the wrong one, or
// not at all, because of how it says that it does not know the question, or of a moment in which it was not itself.

import { expect, test } from "vitest";
import * as fixture from "../../fixtures/gate-fixture.ts";
import { failure, startUpstream } from "../../fixtures/upstream-fixture.ts";

const { key, server, startGate, startScripted, started, team, until, viewWith } = fixture;

/** `answers` are given to `server/discover` one after the other, the last for ever: a status and a JSON-RPC member. */
async function meet(answers: readonly (readonly [status: number, member?: string])[]) {
  let asked = 0;
  const onDiscover = ({ body, response }: fixture.Received): void => {
    const [status, member] = answers[Math.min(asked++, answers.length - 1)] ?? [500];
    const type = { "content-type": member === undefined ? "text/plain" : "application/json" };
    const id: unknown = JSON.parse(body).id;
    response.writeHead(status, type);
    response.end(member === undefined ? "" : `{"jsonrpc":"2.0","id":${JSON.stringify(id)},${member}}`);
  };
  const scripted = started(await startScripted(() => undefined, { onDiscover }));
  const resource = server("s", scripted.url);
  const gate = started(await startGate(viewWith([team(), key(["*/*"]).resource, resource])));
  const known = () => gate.gate.mcp.catalogues.of(resource.id);
  await until(() => known()?.health.state === "connected", "the server to be known");
  const methods = scripted.received.map(({ method }) => method);
  const first = methods.filter((method) => method === "server/discover" || method === "initialize");
  return { era: known()?.era, first };
}

const modern =
  '"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}';
const unsupported =
  '"error":{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"2026-07-28"}}';
const unknown = '"error":{"code":-32601,"message":"Method not found"}';

test.each([
  [[500]],
  [[501]],
  [[404]],
  [[400, '"error":{"code":-32000,"message":"No session"}']],
  [[200, unknown]],
  [[200, '"result":{}']],
] as const)("a server that answers %j is of the legacy era", async (answer) => {
  expect(await meet([answer])).toEqual({ era: "legacy", first: ["server/discover", "initialize"] });
});

test("a modern server that refuses at first is asked again, and for no legacy handshake", async () => {
  const seen = await meet([
    [400, unsupported],
    [200, modern],
  ]);
  expect(seen).toEqual({ era: "modern", first: ["server/discover", "server/discover"] });
});

test("what a balancer says while its server is away teaches nothing about the server's era", async () => {
  const seen = await meet([[503], [502], [200, modern]]);
  expect(seen).toEqual({ era: "modern", first: ["server/discover", "server/discover", "server/discover"] });
});

test("a server that refuses the handshake is told of with its own words", async () => {
  const says = "No license for today";
  const upstream = started(
    await startUpstream({
      onAny(incoming) {
        if (incoming.method !== "initialize") return false;
        failure(incoming, -32000, says, 400);
        return true;
      },
    }),
  );
  const resource = server("s", upstream.url);
  const gate = started(await startGate(viewWith([team(), key(["*/*"]).resource, resource])));
  expect(gate.gate.mcp.catalogues.of(resource.id)?.health).toMatchObject({
    state: "unreachable",
    reason: `It refused the handshake: ${says} (-32000)`,
  });
});
