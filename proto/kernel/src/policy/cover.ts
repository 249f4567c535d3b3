// Which calls a policy can be about at all, whatever its expression says: those to some servers or providers, by the keys of
// some teams, or all. It is kept apart from the expression so that it is known of a policy that cannot be understood, which
// then refuses there and nowhere else. What is covered is named by scopes: "server/<id>", "provider/<id>", "team/<id>".

import { limits } from "../limits.ts";
import { PolicyRefused } from "./answer.ts";
import type { Subject } from "./subject.ts";

export const coveredKinds = ["server", "provider", "team"] as const;

export type CoveredKind = (typeof coveredKinds)[number];

/** Of each kind the ids; none of servers and providers is all of both, and no team is any. */
export type Cover = Readonly<Record<CoveredKind, ReadonlySet<string>>>;

export const coversAll: Cover = { server: new Set(), provider: new Set(), team: new Set() };

export function coverOf(scopes: readonly string[]): Cover {
  if (scopes.length > limits.policyCoversMax)
    throw new PolicyRefused({ field: "covers", message: `there are more than ${limits.policyCoversMax}` });
  const cover = { server: new Set<string>(), provider: new Set<string>(), team: new Set<string>() };
  for (const scope of scopes) {
    const kind = coveredKinds.find((one) => scope.startsWith(`${one}/`));
    if (kind === undefined)
      throw new PolicyRefused({ field: "covers", message: `\`${scope}\` is no scope of a policy` });
    cover[kind].add(scope.slice(kind.length + 1));
  }
  return cover;
}

/** Of a policy that cannot be understood: where not even its scopes can, it is about everything. */
export function coverOrAll(scopes: readonly string[] | undefined): Cover {
  if (scopes === undefined) return coversAll;
  try {
    return coverOf(scopes);
  } catch (error) {
    if (error instanceof PolicyRefused) return coversAll;
    throw error;
  }
}

export function covers({ server, provider, team }: Cover, { call, principal }: Subject): boolean {
  const isAnywhere = server.size + provider.size === 0;
  const isThere = isAnywhere || server.has(call.serverId) || provider.has(call.providerId);
  return isThere && (team.size === 0 || team.has(principal.team.id));
}
