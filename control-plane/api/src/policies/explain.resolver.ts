// `explainCall`: a call as an admin describes it, asked of what proxies would ask at the log's newest position. Nothing is called.

import { Inject } from "@nestjs/common";
import { Args, Query, Resolver } from "@nestjs/graphql";
import { publicText } from "@tollgate/kernel/errors";
import { explain, type DescribedCall, type Explanation } from "@tollgate/kernel/policy/explain";
import type { Spoken } from "@tollgate/kernel/policy/decide";
import { shownHeaders } from "@tollgate/kernel/policy/variables";
import { ProviderKind } from "@tollgate/schema/resources";
import type {
  CallDoor,
  CallExplanation,
  ExplainCallInput,
  GrantLevel,
  PolicyVerdict,
  QueryExplainCallArgs,
} from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { PLANE, type Plane } from "../plane.ts";
import { readView } from "./view-of-log.ts";

const doors = {
  MCP: { door: "mcp", method: "tools/call", kind: undefined },
  ANTHROPIC: { door: "anthropic", method: "messages", kind: ProviderKind.ANTHROPIC },
  OPENAI: { door: "openai", method: "chat/completions", kind: ProviderKind.OPENAI },
} as const satisfies Record<CallDoor, { door: DescribedCall["door"]; method: string; kind: ProviderKind | undefined }>;

const verdicts = {
  "not-covered": "NOT_COVERED",
  unmatched: "UNMATCHED",
  passes: "PASSES",
  redacts: "REDACTS",
  counts: "COUNTS",
  refuses: "REFUSES",
  fails: "FAILS",
} as const satisfies Record<Spoken["said"], PolicyVerdict>;

const levels = { key: "KEY", team: "TEAM" } as const satisfies Record<
  Explanation["levels"][number]["level"],
  GrantLevel
>;

@Resolver()
export class ExplainResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  async explainCall(@Args() { input }: QueryExplainCallArgs): Promise<Resolved<CallExplanation>> {
    const { view, position } = await readView(this.#plane, { wants: (id) => id === input.keyId, max: 1 });
    const { kind } = doors[input.door];
    const { outcome, code, detail, ...said } = explain(view, input.keyId, described(input, this.#plane.nowMs()), kind);
    return {
      isAllowed: outcome === "allowed",
      code: code ?? null,
      message: code === undefined ? null : publicText(code, detail === "" ? undefined : detail),
      grants: said.levels.map(({ level, allows }) => ({ level: levels[level], isAllowed: allows })),
      policies: said.spoken.map(({ policy, said: verdict, reason, cost }) => {
        return { policyId: policy.id, name: policy.name, verdict: verdicts[verdict], reason, cost: Math.ceil(cost) };
      }),
      position,
    };
  }
}

function described(input: ExplainCallInput, nowMs: number): DescribedCall {
  const { door, method } = doors[input.door];
  const headers = new Map((input.headers ?? []).map(({ name, value }) => [name.toLowerCase(), value]));
  return {
    ...{ door, method: input.method ?? method, server: input.server ?? "", tool: input.tool ?? "" },
    ...{ prompt: input.prompt ?? "", resource: input.resource ?? "", model: input.model ?? "" },
    ...{ isStreamed: input.stream ?? false, ip: input.ip ?? "", timeMs: input.time?.getTime() ?? nowMs },
    argumentsText: () => input.arguments ?? undefined,
    header: (name) => (shownHeaders.includes(name) ? headers.get(name) : undefined),
    session: {
      ...{ id: input.sessionId ?? "", agent: input.agentId ?? "" },
      ...{ client: input.clientName ?? "", clientVersion: input.clientVersion ?? "" },
    },
  };
}
