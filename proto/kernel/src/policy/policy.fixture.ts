// Calls and policies for the specs beside it: a call of a tool by an agent's key, and what a spec wants otherwise.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  CustomerSchema,
  KeyPurpose,
  KeySchema,
  PolicySchema,
  TeamSchema,
  UserSchema,
} from "@tollgate/schema/resources";
import { compilePolicy, type CompiledPolicy } from "./compile.ts";
import { Subject } from "./subject.ts";
import type { PolicyCall, PolicyPrincipal } from "./variables.ts";

const key = create(KeySchema, { id: "k1", name: "laptop", teamId: "t1", purpose: KeyPurpose.AGENT });
const team = create(TeamSchema, { id: "t1", name: "platform" });

const user = create(UserSchema, { id: "u1", name: "alice" });
const customer = create(CustomerSchema, { id: "c1", name: "acme" });
const caller: PolicyPrincipal = { key, team, user, customer, labels: ["env=prod", "project=apollo=2"] };

const toolCall: PolicyCall = {
  ...{
    door: "mcp",
    method: "tools/call",
    server: "github",
    serverId: "s1",
    tool: "delete_repo",
    prompt: "",
    resource: "",
  },
  ...{ provider: "", providerId: "", model: "", isStreamed: false, ip: "192.0.2.7", timeMs: 1_750_000_000_000 },
  argumentsText: () => undefined,
  header: (name) => (name === "user-agent" ? "claude-code/2" : undefined),
  session: { id: "session-1", agent: "", client: "claude-code", clientVersion: "2.0" },
};

/** `args`: the call's arguments, as JSON. `by`: what of its caller is another. */
export function subjectOf(args?: string, other: Partial<PolicyCall> = {}, by: Partial<PolicyPrincipal> = {}): Subject {
  return new Subject({ ...caller, ...by }, { ...toolCall, argumentsText: () => args, ...other });
}

export function policyOf(fields: MessageInitShape<typeof PolicySchema>): CompiledPolicy {
  const compiled = compilePolicy(create(PolicySchema, { id: "p1", name: "rule", ...fields }));
  if (compiled.outcome === "refused") throw new Error(`${compiled.problem.field}: ${compiled.problem.message}`);
  return compiled.policy;
}

export function problemOf(fields: MessageInitShape<typeof PolicySchema>) {
  const compiled = compilePolicy(create(PolicySchema, { id: "p1", name: "rule", ...fields }));
  return compiled.outcome === "refused" ? compiled.problem : undefined;
}
