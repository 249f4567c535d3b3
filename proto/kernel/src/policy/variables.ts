// What an expression may speak of: the names, and for each what a call says of it. What is not named here does not exist for
// an expression, so that a misspelt name is refused when the policy is applied and not met by a call. Every value is there
// for every call, empty where it does not apply, but for the arguments, which are read only when they are asked for. Of
// headers only those are shown that are no credentials.

import type { CelInput } from "@bufbuild/cel";
import type { Customer, Key, Team, User } from "@tollgate/schema/resources";
import { features } from "../features.ts";

/** A call as policies see it. Texts are empty where they do not apply. */
export type PolicyCall = {
  readonly door: "mcp" | "anthropic" | "openai";
  /** Of the door's protocol: `tools/call`, `messages`. */
  readonly method: string;
  readonly server: string;
  readonly serverId: string;
  /** The server's own names. */
  readonly tool: string;
  readonly prompt: string;
  readonly resource: string;
  readonly provider: string;
  readonly providerId: string;
  /** The provider's own name for it. */
  readonly model: string;
  readonly isStreamed: boolean;
  /** As JSON; undefined where there are none. */
  argumentsText(this: void): string | undefined;
  /** Nobody knows yet what they are: whoever looks at them fails. */
  readonly hasUnknownArguments?: boolean;
  header(this: void, name: string): string | undefined;
  readonly ip: string;
  readonly timeMs: number;
  readonly session: Session;
};

export type Session = {
  readonly id: string;
  readonly agent: string;
  readonly client: string;
  readonly clientVersion: string;
};

export type PolicyPrincipal = {
  readonly key: Key;
  readonly team: Team;
  /** The key's. */
  readonly user: User | undefined;
  /** The team's. */
  readonly customer: Customer | undefined;
  /** As `project=apollo`, each name once. */
  readonly labels: readonly string[];
};

type Tree = { readonly [name: string]: "value" | "open" | Tree };

/** `open`: what is behind it is for the call to say. */
export const variables = {
  principal: {
    key: { id: "value", name: "value", purpose: "value" },
    team: { id: "value", name: "value" },
    user: { id: "value", name: "value" },
    customer: { id: "value", name: "value" },
    labels: "open",
    roles: "open",
  },
  call: {
    ...{ door: "value", method: "value", server: "value", tool: "value", prompt: "value", resource: "value" },
    ...{ provider: "value", model: "value", stream: "value", arguments: "open" },
  },
  request: { headers: "open", ip: "value", time: "value" },
  session: { id: "value", agent: "value", client: "value", clientVersion: "value" },
} as const satisfies Tree;

export const variableTree: Tree = variables;

/** What came after the first release of policies: which feature a proxy has that knows it. */
export const laterVariables: Readonly<Record<string, string>> = {
  "principal.user": features.policyPrincipal,
  "principal.customer": features.policyPrincipal,
  "principal.labels": features.policyPrincipal,
};

/** No credential is ever in one of these. */
export const shownHeaders: readonly string[] = [
  ...["user-agent", "content-type", "accept-language", "origin", "traceparent", "mcp-protocol-version"],
  ...["anthropic-version", "anthropic-beta", "openai-organization", "openai-project", "openai-beta"],
  ...["x-tollgate-labels", "x-tollgate-session", "x-forwarded-for", "x-request-id"],
];

export type Bindings = { readonly [Name in keyof typeof variables]: CelInput };
