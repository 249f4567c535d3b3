// What a call to a model costs in the gate: against the provider itself, a bare pass-through, which is the ceiling for software of
// our make, and Portkey, a gateway of others. CPU of all processes of a subject, rate and added latency, for short calls,
// streams and the long bodies of Claude Code. Authentication, prices and recording are on in the gate.

import { join } from "node:path";
import { createDatabase } from "../support/database.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { startProcess } from "../support/processes.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { startBares } from "./bares.ts";
import { headersOf, longBody, shortBody, streamBody } from "./model-requests.ts";
import { portkeyHeaders, startPortkey, type Portkey } from "./portkey.ts";
import { reportEach, reportToBare, takeTurns, usualTurns, warmUpAll, type Subject } from "./turns.ts";

const path = "/anthropic/v1/messages";

type Kind = "plain" | "stream";
type Load = { readonly name: string; readonly kind: Kind; readonly body: Buffer; readonly connections: number };
type Callee = Pick<Subject, "name" | "at"> & {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
};

const expected: Record<Kind, string> = { plain: '"end_turn"', stream: '"message_stop"' };

export async function benchModels(): Promise<void> {
  const loads: readonly Load[] = [
    // Most calls first: by the second all subjects run what their engine has compiled for good.
    { name: "messages c64", kind: "plain", body: shortBody, connections: 64 },
    { name: "messages c1", kind: "plain", body: shortBody, connections: 1 },
    { name: "streams of 64 chunks c16", kind: "stream", body: streamBody, connections: 16 },
    { name: "messages of 580 kB c4", kind: "plain", body: longBody(), connections: 4 },
  ];
  await using database = await createDatabase("bench models");
  await using stack = await startStack({ databaseUrl: database.url });
  await using portkey = await startPortkey();
  const { id: teamId } = await createTeam(stack.admin, "bench");
  for (const kind of ["plain", "stream"] as const) {
    await using answerer = await startProcess({
      name: "model-answerer.ts",
      args: [join(import.meta.dirname, "model-answerer.ts"), kind],
    });
    const [, providerUrl = ""] = await answerer.waitForLine(/"url":"(http[^"]+)"/);
    const credentials = [{ name: "first", value: "sk-ant-bench" }];
    await registerProvider(stack.admin, { name: kind, kind: "ANTHROPIC", baseUrl: providerUrl, credentials });
    const { secret } = await issueKey(stack.admin, { name: kind, teamId, models: [`${kind}/*`] });
    await using bares = await startBares(providerUrl, "all-headers");
    const { url: origin, pid } = stack.proxy();
    const gate: Callee = { name: "tollgate", at: [{ origin, pid }], path, headers: headersOf(secret) };
    const headers = headersOf("sk-ant-bench");
    const callees: readonly Callee[] = [
      { name: "direct", at: [{ origin: providerUrl, pid: undefined }], path, headers },
      { name: "bare", at: bares.at, path, headers },
      gate,
      ...(portkey === undefined ? [] : [portkeyBefore(providerUrl, portkey)]),
    ];
    await until(() => isServed(gate, kind), { what: `the ${kind} provider to be served` });
    for (const load of loads) if (load.kind === kind) await compare(load, callees);
  }
}

function portkeyBefore(providerUrl: string, { origin, pid }: Portkey): Callee {
  const headers = { ...headersOf("sk-ant-bench"), ...portkeyHeaders(providerUrl) };
  return { name: "portkey", at: [{ origin, pid }], path: "/v1/messages", headers };
}

async function isServed({ at: [{ origin }], headers }: Callee, kind: Kind): Promise<boolean> {
  const body = kind === "plain" ? shortBody : streamBody;
  const answer = await fetch(`${origin}${path}`, { method: "POST", headers, body: body.toString() });
  return (await answer.text()).includes(expected[kind]);
}

async function compare({ name, kind, body, connections }: Load, callees: readonly Callee[]): Promise<void> {
  const subjects = callees.map(({ name, at, path, headers }): Subject => {
    return { name, at, asked: { path, headers: [headers], body, expect: expected[kind] } };
  });
  const turns = { ...usualTurns, connections };
  await warmUpAll(subjects, turns);
  const results = await takeTurns(subjects, turns);
  const bench = `models: ${name}`;
  reportEach(bench, subjects, results);
  reportToBare(bench, subjects, results, connections);
}
