// What an expression may speak of: the names, and for each what a call says of it. What is not named here does not exist for
// an expression, so that a misspelt name is refused when the policy is applied and not met by a call. Every value is there
// for every call, empty where it does not apply, but for the arguments, which are read only when they are asked for. Of
// headers only those are shown that are no credentials.

import type { CelInput } from "@bufbuild/cel";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { KeyPurpose, type Customer, type Key, type Team, type User } from "@tollgate/schema/resources";
import { features } from "../features.ts";
import { labelParts } from "../label.ts";
import { limits } from "../limits.ts";
import { InexactNumber, isExactObject, JsonProblem, readExactJson, type ExactObject } from "./exact-json.ts";

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

const purposes: Readonly<Record<KeyPurpose, string>> = {
  [KeyPurpose.UNSPECIFIED]: "agent",
  [KeyPurpose.AGENT]: "agent",
  [KeyPurpose.SERVICE]: "service",
};

export type Bindings = { [Name in keyof typeof variables]: CelInput };

/** One call for all policies that ask about it: what is read of it is read once. */
export class Subject {
  readonly principal: PolicyPrincipal;
  readonly call: PolicyCall;
  private readArguments: ExactObject | JsonProblem | undefined;
  private bound: Bindings | undefined;
  private boundWithArguments: Bindings | undefined;

  constructor(principal: PolicyPrincipal, call: PolicyCall) {
    this.principal = principal;
    this.call = call;
  }

  /** Throws `JsonProblem` where nobody could say what they are. */
  arguments(): ExactObject {
    if (this.call.hasUnknownArguments === true) throw new JsonProblem("they are not known");
    this.readArguments ??= argumentsOf(this.call.argumentsText());
    if (this.readArguments instanceof JsonProblem) throw this.readArguments;
    return this.readArguments;
  }

  bindings(readsArguments: boolean): Bindings {
    const bound = (this.bound ??= bindingsOf(this.principal, this.call));
    if (!readsArguments) return bound;
    // A number that cannot be held exactly is no value of CEL: whatever touches it fails, as it shall.
    const args = (this.call.hasUnknownArguments === true ? unknownArguments : this.arguments()) as CelInput;
    return (this.boundWithArguments ??= { ...bound, call: callMap(this.call, args) });
  }
}

const unknownArguments = new InexactNumber("of what is not known");

function argumentsOf(text: string | undefined): ExactObject | JsonProblem {
  if (text === undefined) return new Map();
  if (text.length > limits.policyArgumentsCharsMax)
    return new JsonProblem(`they are longer than ${limits.policyArgumentsCharsMax} characters`);
  try {
    const value = readExactJson(text);
    return isExactObject(value) ? value : new JsonProblem("they are no object");
  } catch (error) {
    if (error instanceof JsonProblem) return error;
    throw error;
  }
}

function bindingsOf({ key, team, user, customer, labels }: PolicyPrincipal, call: PolicyCall): Bindings {
  const { id, agent, client, clientVersion } = call.session;
  return {
    principal: new Map<string, CelInput>([
      ["key", mapOf({ id: key.id, name: key.name, purpose: purposes[key.purpose] })],
      ["team", mapOf({ id: team.id, name: team.name })],
      ["user", mapOf({ id: user?.id ?? "", name: user?.name ?? "" })],
      ["customer", mapOf({ id: customer?.id ?? "", name: customer?.name ?? "" })],
      ["labels", new Map(labels.map(labelIn))],
      ["roles", []],
    ]),
    call: callMap(call),
    request: new Map<string, CelInput>([
      ["headers", headersOf(call)],
      ["ip", call.ip],
      ["time", timestampFromMs(call.timeMs)],
    ]),
    session: mapOf({ id, agent, client, clientVersion }),
  };
}

function labelIn(label: string): [name: string, value: string] {
  const { name, value } = labelParts(label);
  return [name, value];
}

function callMap(call: PolicyCall, args?: CelInput): Map<string, CelInput> {
  const { door, method, server, tool, prompt, resource, provider, model, isStreamed } = call;
  const map = mapOf({ door, method, server, tool, prompt, resource, provider, model, stream: isStreamed });
  return args === undefined ? map : map.set("arguments", args);
}

function mapOf(values: Readonly<Record<string, CelInput>>): Map<string, CelInput> {
  return new Map(Object.entries(values));
}

function headersOf(call: PolicyCall): Map<string, string> {
  const headers = new Map<string, string>();
  for (const name of shownHeaders) {
    const value = call.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
