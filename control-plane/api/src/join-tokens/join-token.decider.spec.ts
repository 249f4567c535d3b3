// Decisions about join tokens: who gets in with one, and that a token lets in as many as it is for, each once.

import { create } from "@bufbuild/protobuf";
import { JoinTokenIssuedSchema, JoinTokenRevokedSchema, JoinTokenUsedSchema } from "@tollgate/schema/events";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { joinTokenDecider } from "./join-token.decider.ts";

const timeMs = 1_800_000_000_000;
const sha256 = new Uint8Array(32).fill(7);
const joinToken = { id: "j1", name: "eu", sha256, usesMax: 2, createdAtMs: BigInt(timeMs) };
const issue = {
  kind: "issue",
  ...{ id: "j1", name: "eu", sha256, usesMax: 2, environment: "", expiresAtMs: undefined, timeMs },
} as const;
const use = { kind: "use", id: "j1", proxyId: "p1", environment: "production", timeMs } as const;
const issued = create(JoinTokenIssuedSchema, { joinToken });
const used = (...usedBy: string[]) => create(JoinTokenUsedSchema, { joinToken: { ...joinToken, usedBy } });
const revoked = create(JoinTokenRevokedSchema, { joinToken: { ...joinToken, revokedAtMs: BigInt(timeMs) } });
const tokens = given(joinTokenDecider);

test("a token takes its name; a bad name, number, environment or expiry is refused", () => {
  tokens().when(issue).then([issued], { reserve: "eu" });
  tokens(issued).when(issue).refused({ kind: "already-exists" });
  const wrong = { name: "", usesMax: 0, environment: "e".repeat(64), expiresAtMs: timeMs };
  for (const [name, value] of Object.entries(wrong))
    tokens()
      .when({ ...issue, [name]: value })
      .refused({ kind: "invalid-input", field: name === "expiresAtMs" ? "expiresAt" : name });
});

test("it lets in as many proxies as it is for, and a proxy that comes again costs nothing", () => {
  tokens(issued)
    .when(use)
    .then([used("p1")]);
  tokens(issued, used("p1")).when(use).then([]);
  tokens(issued, used("p1"))
    .when({ ...use, proxyId: "p2" })
    .then([used("p1", "p2")]);
  const spent = tokens(issued, used("p1", "p2"));
  spent.when({ ...use, proxyId: "p3" }).refused({ kind: "join-refused", why: "spent" });
  spent.when({ ...use, proxyId: "p2" }).then([]);
});

test("it lets in nobody who is of another environment or comes too late; who is in comes back also then", () => {
  const bound = create(JoinTokenUsedSchema, {
    joinToken: { ...joinToken, environment: "staging", expiresAtMs: BigInt(timeMs), usedBy: ["p1"] },
  });
  tokens(bound)
    .when({ ...use, timeMs: timeMs - 1 })
    .refused({ kind: "join-refused", why: "for another environment" });
  tokens(bound)
    .when({ ...use, environment: "staging", timeMs: timeMs - 1 })
    .then([]);
  tokens(bound)
    .when({ ...use, environment: "staging" })
    .then([]);
  tokens(bound)
    .when({ ...use, proxyId: "p2", environment: "staging" })
    .refused({ kind: "join-refused", why: "expired" });
});

test("a revoked one frees its name and lets in nobody", () => {
  tokens(issued).when({ kind: "revoke", id: "j1", timeMs }).then([revoked], { release: true });
  tokens(issued, revoked).when(use).refused({ kind: "already-revoked" });
  const ended = { ...joinToken, usedBy: ["p1"], revokedAtMs: BigInt(timeMs) };
  tokens(issued, used("p1"), create(JoinTokenRevokedSchema, { joinToken: ended }))
    .when(use)
    .refused({ kind: "already-revoked" });
  tokens(issued, revoked).when({ kind: "revoke", id: "j1", timeMs }).refused({ kind: "already-revoked" });
  tokens().when(use).refused({ kind: "not-found" });
  tokens().when({ kind: "revoke", id: "j1", timeMs }).refused({ kind: "not-found" });
});
