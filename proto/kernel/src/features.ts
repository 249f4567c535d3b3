// What a resource may need of a proxy beyond knowing its kind. An unknown field of a known kind would be ignored, so a resource
// whose new field must not be ignored names the feature in `requires`, and a proxy that lacks it refuses that resource
// alone. Which features a resource needs is worked out here from the resource itself, by the one who writes it; a feature
// that was released is never renamed.

import {
  ServerCatalogue,
  ServerIsolation,
  ServerTransport,
  type Key,
  type Policy,
  type Server,
  type Team,
} from "@tollgate/schema/resources";

export const features = {
  /** A server that is reached in another way than Streamable HTTP. */
  serverTransport: "server-transport",
  /** A server whose connections are not for everybody. */
  serverIsolation: "server-isolation",
  /** A server of which only approved tools are there. */
  pinnedCatalogue: "pinned-catalogue",
  /** A team that bounds what its keys reach: without it they would reach more than is meant. */
  teamTools: "team-tools",
  /** A team whose keys a customer bounds, and a key that a user does. */
  teamCustomer: "team-customer",
  keyUser: "key-user",
  /** A price list with prices of tools: without it their calls would cost nothing. */
  toolPrices: "tool-prices",
  /** Policies of these kinds: one that a proxy does not know would say nothing there. */
  policyDeny: "policy-deny",
  policyRedact: "policy-redact",
  policyValidateArguments: "policy-validate-arguments",
  policyLimit: "policy-limit",
  /** A policy whose expression names whose its caller is, or how its call is marked. */
  policyPrincipal: "policy-principal",
} as const;

/** Features that this software enforces and that a resource may name in `requires`. */
export const knownFeatures: ReadonlySet<string> = new Set(Object.values(features));

export function serverFeatures({
  transport,
  isolation,
  catalogue,
}: Pick<Server, "transport" | "isolation" | "catalogue">): string[] {
  const isHttp = transport === ServerTransport.UNSPECIFIED || transport === ServerTransport.STREAMABLE_HTTP;
  return [
    ...(isHttp ? [] : [features.serverTransport]),
    ...(isolation === ServerIsolation.UNSPECIFIED ? [] : [features.serverIsolation]),
    ...(catalogue === ServerCatalogue.PINNED ? [features.pinnedCatalogue] : []),
  ];
}

export function teamFeatures({ tools, toolGroupIds, customerId }: Pick<Team, "tools" | "toolGroupIds" | "customerId">) {
  return [
    ...(tools.length + toolGroupIds.length === 0 ? [] : [features.teamTools]),
    ...(customerId === "" ? [] : [features.teamCustomer]),
  ];
}

export function keyFeatures({ userId }: Pick<Key, "userId">): string[] {
  return userId === "" ? [] : [features.keyUser];
}

export function priceListFeatures({ toolPrices }: { toolPrices: readonly unknown[] }): string[] {
  return toolPrices.length === 0 ? [] : [features.toolPrices];
}

const policyKinds = {
  deny: features.policyDeny,
  redact: features.policyRedact,
  validateArguments: features.policyValidateArguments,
  limit: features.policyLimit,
} as const satisfies Record<NonNullable<Policy["kind"]["case"]>, string>;

/** `named`: what its expression needs. */
export function policyFeatures({ kind }: Pick<Policy, "kind">, named: readonly string[]): string[] {
  return kind.case === undefined ? [...named] : [policyKinds[kind.case], ...named];
}

/** What a resource requires after a change; what a later version said of it stays. */
export function requiring(former: readonly string[], needed: readonly string[]): string[] {
  return [...former.filter((name) => !knownFeatures.has(name)), ...needed];
}
