// Why a call would be let through or refused: the same functions that a proxy asks, in the same order, with what each said. It
// knows the call as it is described, and nothing that only a proxy knows: whether a server has the tool, or how old a view is.

import type { ProviderKind } from "@tollgate/schema/resources";
import { asAsked, askedHeaders } from "../asked.ts";
import type { ErrorCode } from "../errors.ts";
import { grantOf } from "../grant.ts";
import { modelGrantOf } from "../model-grant.ts";
import { reachableModel } from "../models.ts";
import type { GrantKind } from "../tool-pattern.ts";
import { principalOfKey, reachable, type Principal, type View } from "../view.ts";
import { decide, type Spoken } from "./decide.ts";
import { Subject } from "./subject.ts";
import type { PolicyCall } from "./variables.ts";

/** `server` and `model` as a key grants them; the other names are the server's own. */
export type DescribedCall = Omit<PolicyCall, "serverId" | "provider" | "providerId">;

export type LevelSaid = { readonly level: "key" | "team"; readonly allows: boolean };

export type Explanation = {
  readonly outcome: "allowed" | "refused";
  readonly code: ErrorCode | undefined;
  readonly detail: string;
  /** Each level that bounds what is reached. One that says nothing is not there. */
  readonly levels: readonly LevelSaid[];
  /** Those that were asked, in their order. */
  readonly spoken: readonly Spoken[];
};

export function explain(
  view: View,
  keyId: string,
  described: DescribedCall,
  kind: ProviderKind | undefined,
): Explanation {
  const found = principalOfKey(view, keyId, described.timeMs);
  if (found.outcome === "refused") return refusedBy(found.code, []);
  const labels = described.header(askedHeaders.labels);
  const admitted = asAsked(found.principal, { ...nothingAsked, labels });
  if (admitted.outcome === "refused") return { ...refusedBy(admitted.code, []), detail: admitted.detail ?? "" };
  const { principal } = admitted;
  const reached =
    kind === undefined ? serverCall(view, principal, described) : modelCall(view, principal, described, kind);
  const levels =
    kind === undefined ? toolLevels(view, principal, described) : modelLevels(view, principal, described.model);
  if (typeof reached === "string") return refusedBy(reached, levels);
  const spoken: Spoken[] = [];
  const decision = decide(view.policies, new Subject(principal, reached), (one) => spoken.push(one));
  if (decision.outcome === "passed") return { outcome: "allowed", code: undefined, detail: "", levels, spoken };
  return { outcome: "refused", code: decision.code, detail: decision.detail, levels, spoken };
}

/** What a request does not ask of its own reach. */
const nothingAsked = { tools: undefined, servers: undefined, models: undefined } as const;

function refusedBy(code: ErrorCode, levels: readonly LevelSaid[]): Explanation {
  return { outcome: "refused", code, detail: "", levels, spoken: [] };
}

type Named = { grant: GrantKind; name: string; unknown: ErrorCode };

function namedBy({ tool, prompt, resource }: DescribedCall): Named {
  if (tool !== "") return { grant: "tool", name: tool, unknown: "mcp.tool-unknown" };
  if (prompt !== "") return { grant: "prompt", name: prompt, unknown: "mcp.prompt-unknown" };
  return { grant: "resource", name: resource, unknown: "mcp.resource-unknown" };
}

function serverCall(view: View, principal: Principal, described: DescribedCall): PolicyCall | ErrorCode {
  const { grant, name, unknown } = namedBy(described);
  const server = reachable(view, principal, grant, described.server, name);
  if (server === undefined) return unknown;
  return { ...described, serverId: server.id, provider: "", providerId: "" };
}

function modelCall(
  view: View,
  principal: Principal,
  described: DescribedCall,
  kind: ProviderKind,
): PolicyCall | ErrorCode {
  const reached = reachableModel(view, principal, kind, described.model);
  if (typeof reached === "string") return reached;
  const { provider, model } = reached;
  return { ...described, serverId: "", provider: provider.name, providerId: provider.id, model };
}

function toolLevels(view: View, { key, team }: Principal, described: DescribedCall): LevelSaid[] {
  const { grant, name } = namedBy(described);
  const groups = new Map([...view.toolGroupsByName.values()].map((group) => [group.id, group.tools]));
  const allows = (tools: readonly string[], groupIds: readonly string[]): boolean => {
    const granted = grantOf([...tools, ...groupIds.flatMap((id) => groups.get(id) ?? [])]);
    if (grant === "tool") return granted.allows(described.server, name);
    return grant === "prompt"
      ? granted.allowsPrompt(described.server, name)
      : granted.allowsResource(described.server, name);
  };
  const ofKey: LevelSaid = { level: "key", allows: allows(key.tools, key.toolGroupIds) };
  if (team.tools.length + team.toolGroupIds.length === 0) return [ofKey];
  return [ofKey, { level: "team", allows: allows(team.tools, team.toolGroupIds) }];
}

/** An alias is allowed by its own name or by all that it stands for; a name without its provider by any that has it. */
function modelLevels(view: View, { key, team }: Principal, asked: string): LevelSaid[] {
  const allows = (patterns: readonly string[]): boolean => {
    const granted = modelGrantOf(patterns);
    if (view.modelAliasesByName.has(asked)) return granted.allowsAlias(asked, []);
    const slash = asked.indexOf("/");
    if (slash >= 0) return granted.allows(asked.slice(0, slash), asked.slice(slash + 1));
    return [...view.providersByName.keys()].some((provider) => granted.allows(provider, asked));
  };
  const ofKey: LevelSaid = { level: "key", allows: allows(key.models) };
  return team.models.length === 0 ? [ofKey] : [ofKey, { level: "team", allows: allows(team.models) }];
}
