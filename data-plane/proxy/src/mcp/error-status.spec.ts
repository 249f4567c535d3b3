// What a modern server's errors are to clients. A client of 2026-07-28 goes by the status and by numbers that former versions do not
// know: who gets the wrong one takes a server of his own era for one of the other, or a missing method for a lost session.

import { expect, test } from "vitest";
import { legacyClient } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { startUpstream } from "../fixtures/upstream-fixture.ts";

const { ask, at, key, server, startGate, started, team, viewWith } = fixture;

const agent = key(["*/*"]);

async function clientsOf(error: object, status: number) {
  const upstream = started(
    await startUpstream({
      ...{ era: "modern", offer: { tools: ["t"], prompts: ["p"] } },
      onRequest: ({ id, response }) =>
        response
          .writeHead(status, { "content-type": "application/json" })
          .end(JSON.stringify({ jsonrpc: "2.0", id, error })),
    }),
  );
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
  const legacy = await legacyClient(gate, agent);
  const uses = [
    ["tools/call", { name: "s__t" }],
    ["prompts/get", { name: "s__p" }],
  ] as const;
  return {
    modern: await Promise.all(uses.map(([method, params]) => ask(gate, agent.text, method, params))),
    legacy: await Promise.all(uses.map(([method, params]) => legacy.ask(method, params))),
  };
}

const lacks = { code: -32021, message: "No.", data: { requiredCapabilities: { elicitation: {} } } };

test.each([400, 200])(
  "a capability that a server misses (status %i) is told in each client's own terms",
  async (status) => {
    const { modern, legacy } = await clientsOf(lacks, status);
    for (const answer of modern) expect([answer.status, at(answer.json, "error")]).toEqual([400, lacks]);
    const [called, got] = legacy;
    expect([called?.status, got?.status]).toEqual([200, 200]);
    const text = "It asks for elicitation, which the client does not support.";
    expect(at(called?.json, "result", "isError")).toBe(true);
    expect(at(called?.json, "result", "content", 0, "text")).toContain(text);
    expect(at(got?.json, "error", "message")).toContain(text);
    expect(at(got?.json, "error", "data", "code")).toBe("upstream.protocol");
    expect(at(got?.json, "error", "code")).not.toBe(lacks.code);
  },
);

test("a method that a server does not have is a 404 to a modern client, and no lost session to a legacy one", async () => {
  const error = { code: -32601, message: "Method not found" };
  const { modern, legacy } = await clientsOf(error, 404);
  for (const answer of modern) expect([answer.status, at(answer.json, "error")]).toEqual([404, error]);
  for (const answer of legacy) expect([answer.status, at(answer.json, "error")]).toEqual([200, error]);
  // Whoever says it in the middle of his work means something of his own.
  const inBand = await clientsOf(error, 200);
  for (const answer of [...inBand.modern, ...inBand.legacy])
    expect([answer.status, at(answer.json, "error")]).toEqual([200, error]);
});

test.each([400, 200])(
  "what is wrong between the gate and a server (status %i) is not the client's fault",
  async (status) => {
    for (const code of [-32020, -32022]) {
      const { modern, legacy } = await clientsOf({ code, message: "No.", data: { supported: ["2099-01-01"] } }, status);
      for (const { json } of [modern[0], legacy[0]].flatMap((answer) => answer ?? []))
        expect(at(json, "result", "_meta", "tollgate/code")).toBe("upstream.protocol");
    }
  },
);
