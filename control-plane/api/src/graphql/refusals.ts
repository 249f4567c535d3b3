// From the refusals of deciders to the members of the API's unions: one row a kind. A refusal that a mutation's union does
// not have is a bug of ours and fails loudly in GraphQL; nothing turns it into something else on the way.

import type {
  AlreadyRevoked,
  Budget,
  Call,
  InUse,
  ModelCall,
  Customer,
  InvalidInput,
  Key,
  ModelTarget,
  NameTaken,
  NotFound,
  NothingLent,
  ProxyConnected,
  ReferenceMissing,
  Server,
  Team,
  ToolChanged,
  CatalogueEntry,
  User,
} from "../gen/graphql.ts";
import { sentenceOf, type AnyRefusal } from "../refusals.ts";

/** What a resolver answers of a type: without fields that have a resolver of their own, at any depth. */
export type Resolved<T> = T extends Key
  ? Omit<T, "team" | "user" | "toolGroups">
  : T extends Team | User | Customer
    ? Omit<T, "customer" | "toolGroups">
    : T extends Server
      ? Omit<T, "health" | "listing" | "tools" | "pendingTools" | "entries">
      : T extends CatalogueEntry
        ? Omit<T, "definition" | "difference">
        : T extends Budget
          ? Omit<T, "usage" | "reached">
          : T extends Call
            ? Omit<T, "modelCall">
            : T extends ModelCall
              ? Omit<T, "toolCalls">
              : T extends ModelTarget
                ? Omit<T, "provider">
                : T extends Date
                  ? T
                  : T extends object
                    ? { [Field in keyof T]: Resolved<T[Field]> }
                    : T;

/** A union's member must say which one it is. */
export type Answer<T extends { __typename?: string }> = T extends unknown
  ? Resolved<T> & { __typename: NonNullable<T["__typename"]> }
  : never;

type Members = {
  "invalid-input": Answer<InvalidInput>;
  "not-found": Answer<NotFound>;
  "already-revoked": Answer<AlreadyRevoked>;
  "name-taken": Answer<NameTaken>;
  "tool-changed": Answer<ToolChanged>;
  "in-use": Answer<InUse>;
  "reference-missing": Answer<ReferenceMissing>;
  "proxy-connected": Answer<ProxyConnected>;
  "nothing-lent": Answer<NothingLent>;
};

const members: { [K in keyof Members]: (refusal: Extract<AnyRefusal, { kind: K }>, message: string) => Members[K] } = {
  "invalid-input": ({ field }, message) => ({ __typename: "InvalidInput", field, message }),
  "not-found": ({ scope }, message) => ({ __typename: "NotFound", scope, message }),
  "already-revoked": ({ revokedAtMs }, message) => {
    return { __typename: "AlreadyRevoked", revokedAt: new Date(revokedAtMs), message };
  },
  "name-taken": ({ name }, message) => ({ __typename: "NameTaken", name, message }),
  "tool-changed": ({ name, sha256 }, message) => ({ __typename: "ToolChanged", name, sha256: sha256 ?? null, message }),
  "in-use": ({ by }, message) => ({ __typename: "InUse", by, message }),
  "reference-missing": ({ scope }, message) => ({ __typename: "ReferenceMissing", scope, message }),
  "proxy-connected": ({ heardMs }, message) => {
    return { __typename: "ProxyConnected", lastHeardAt: new Date(heardMs), message };
  },
  "nothing-lent": ({ proxyId }, message) => ({ __typename: "NothingLent", proxyId, message }),
};

/** `expected` are the kinds that the mutation's union has; any other is a bug. */
export function refusalToApi<K extends keyof Members>(refusal: AnyRefusal, ...expected: readonly K[]): Members[K] {
  const kind = expected.find((one) => one === refusal.kind);
  if (kind === undefined) throw new Error(`the refusal ${refusal.kind} was not expected here`);
  // The table's own type says that a kind's row takes that kind; TypeScript cannot follow it through an index.
  const member = members[kind] as (refusal: AnyRefusal, message: string) => Members[K];
  return member(refusal, sentenceOf(refusal));
}
