// What policies cost a call: the decision alone, as a worker makes it before the intent, with none, one and twenty of them, that
// look at names or at arguments of a usual size. Each figure is a median over rounds, so that a ratio holds on any machine.

import { create } from "@bufbuild/protobuf";
import { compilePolicy, type CompiledPolicy } from "@tollgate/kernel/policy/compile";
import { decide } from "@tollgate/kernel/policy/decide";
import { Subject } from "@tollgate/kernel/policy/subject";
import type { PolicyCall, PolicyPrincipal } from "@tollgate/kernel/policy/variables";
import { KeySchema, PolicySchema, TeamSchema } from "@tollgate/schema/resources";
import { median } from "./load.ts";
import { report } from "./report.ts";

const rounds = 9;
const callsPerRound = 2_000;
const args = JSON.stringify({
  path: "/srv/docs/a.md",
  content: "x ".repeat(500),
  options: { mode: 420, tags: ["a", "b"] },
});

const expressions = {
  names: (n: number) => `call.tool == 'tool_${n}' && principal.team.name != 'platform'`,
  arguments: (n: number) => `has(call.arguments.path) && call.arguments.path.startsWith('/etc/${n}')`,
};

export function benchPolicies(): Promise<void> {
  report({ bench: "policies", subject: "none", value: microseconds([]), unit: "us/call" });
  for (const [about, expression] of Object.entries(expressions))
    for (const count of [1, 20]) {
      const policies = Array.from({ length: count }, (_, n) => denying(expression(n)));
      report({ bench: "policies", subject: `${count} about ${about}`, value: microseconds(policies), unit: "us/call" });
    }
  return Promise.resolve();
}

function denying(match: string): CompiledPolicy {
  const compiled = compilePolicy(
    create(PolicySchema, { id: match, name: "rule", match, kind: { case: "deny", value: {} } }),
  );
  if (compiled.outcome === "refused") throw new Error(compiled.problem.message);
  return compiled.policy;
}

function microseconds(policies: readonly CompiledPolicy[]): number {
  const key = create(KeySchema, { id: "k", name: "laptop" });
  const team = create(TeamSchema, { id: "t", name: "platform" });
  const caller: PolicyPrincipal = { key, team, user: undefined, customer: undefined, labels: [] };
  const took = Array.from({ length: rounds }, () => {
    const startedMs = performance.now();
    for (let calls = 0; calls < callsPerRound; calls++)
      // As the doors do it: without policies nothing is put together.
      if (policies.length > 0 && decide(policies, new Subject(caller, call)).outcome !== "passed")
        throw new Error("a policy of the bench matched");
    return ((performance.now() - startedMs) * 1_000) / callsPerRound;
  });
  return median(took);
}

const call: PolicyCall = {
  ...{
    door: "mcp",
    method: "tools/call",
    server: "files",
    serverId: "s",
    tool: "write_file",
    prompt: "",
    resource: "",
  },
  ...{ provider: "", providerId: "", model: "", isStreamed: false, ip: "192.0.2.1", timeMs: 0 },
  argumentsText: () => args,
  header: () => undefined,
  session: { id: "", agent: "", client: "", clientVersion: "" },
};
