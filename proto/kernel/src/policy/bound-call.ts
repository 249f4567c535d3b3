// A call as expressions read it: the values behind the names of `variables.ts`. Every call is asked about where there are
// policies, and most expressions name one or two of them, so that each is put together when it is first named, and what is the
// same for all calls of a key is kept with it.

import type { CelInput } from "@bufbuild/cel";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { KeyPurpose, type Key } from "@tollgate/schema/resources";
import { labelParts } from "../label.ts";
import { shownHeaders, type Bindings, type PolicyCall, type PolicyPrincipal } from "./variables.ts";

const callTexts = ["door", "method", "server", "tool", "prompt", "resource", "provider", "model"] as const;

const purposes: Readonly<Record<KeyPurpose, string | undefined>> = {
  [KeyPurpose.UNSPECIFIED]: "agent",
  [KeyPurpose.AGENT]: "agent",
  [KeyPurpose.SERVICE]: "service",
};

/** Undefined for one that came after this version. */
export function purposeOf({ purpose }: Key): string | undefined {
  return purposes[purpose];
}

export class BoundCall implements Bindings {
  private readonly of: PolicyPrincipal;
  private readonly what: PolicyCall;
  private readonly args: CelInput | undefined;
  private readonly made: { -readonly [Name in keyof Bindings]?: Map<string, CelInput> } = {};

  constructor(of: PolicyPrincipal, what: PolicyCall, args?: CelInput) {
    this.of = of;
    this.what = what;
    this.args = args;
  }

  get principal(): CelInput {
    return (this.made.principal ??= principalIn(this.of));
  }

  get call(): CelInput {
    return (this.made.call ??= callMap(this.what, this.args));
  }

  get request(): CelInput {
    return (this.made.request ??= new Map<string, CelInput>([
      ["headers", headersOf(this.what)],
      ["ip", this.what.ip],
      ["time", timestampFromMs(this.what.timeMs)],
    ]));
  }

  get session(): CelInput {
    const { id, agent, client, clientVersion } = this.what.session;
    return (this.made.session ??= mapOf({ id, agent, client, clientVersion }));
  }
}

const ofKeys = new WeakMap<Key, { readonly of: PolicyPrincipal; readonly map: Map<string, CelInput> }>();

/** The same for all calls of a key that are marked alike, until it or what it belongs to changes. */
function principalIn(of: PolicyPrincipal): Map<string, CelInput> {
  const known = ofKeys.get(of.key);
  if (known !== undefined && isSame(known.of, of)) return known.map;
  const { key, team, user, customer, labels } = of;
  const map = principalMap(of);
  ofKeys.set(key, { of: { key, team, user, customer, labels }, map });
  return map;
}

function isSame(one: PolicyPrincipal, other: PolicyPrincipal): boolean {
  const { team, user, customer, labels } = other;
  return one.team === team && one.user === user && one.customer === customer && one.labels === labels;
}

function principalMap({ key, team, user, customer, labels }: PolicyPrincipal): Map<string, CelInput> {
  return new Map<string, CelInput>([
    ["key", mapOf({ id: key.id, name: key.name, purpose: purposeOf(key) })],
    ["team", mapOf({ id: team.id, name: team.name })],
    ["user", mapOf({ id: user?.id ?? "", name: user?.name ?? "" })],
    ["customer", mapOf({ id: customer?.id ?? "", name: customer?.name ?? "" })],
    ["labels", new Map(labels.map(labelIn))],
    ["roles", []],
  ]);
}

function labelIn(label: string): [name: string, value: string] {
  const { name, value } = labelParts(label);
  return [name, value];
}

function callMap(call: PolicyCall, args?: CelInput): Map<string, CelInput> {
  const map = new Map<string, CelInput>();
  for (const name of callTexts) map.set(name, call[name]);
  map.set("stream", call.isStreamed);
  return args === undefined ? map : map.set("arguments", args);
}

/** What is undefined is not there. */
function mapOf(values: Readonly<Record<string, CelInput | undefined>>): Map<string, CelInput> {
  const map = new Map<string, CelInput>();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) map.set(name, value);
  return map;
}

function headersOf(call: PolicyCall): Map<string, string> {
  const headers = new Map<string, string>();
  for (const name of shownHeaders) {
    const value = call.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
