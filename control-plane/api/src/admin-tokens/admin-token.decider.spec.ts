// Decisions about admin tokens: like keys, without rotation; a revoked one stays known, so that the log's actors keep names.

import { create } from "@bufbuild/protobuf";
import { AdminTokenIssuedSchema, AdminTokenRevokedSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { adminTokenDecider } from "./admin-token.decider.ts";

const timeMs = 1_800_000_000_000;
const sha256 = new Uint8Array(32).fill(7);
const adminToken = { id: "a1", name: "ci", sha256, createdAtMs: BigInt(timeMs) };
const issue = { kind: "issue", id: "a1", name: "ci", sha256, expiresAtMs: undefined, timeMs } as const;
const issued = create(AdminTokenIssuedSchema, { adminToken });
const revoked = create(AdminTokenRevokedSchema, { adminToken: { ...adminToken, revokedAtMs: BigInt(timeMs) } });
const tokens = given(adminTokenDecider);

test("a token takes its name", () => {
  tokens().when(issue).then([issued], { reserve: "ci" });
});

test("a bad name or an expiry in the past is refused, and an id is used once", () => {
  tokens()
    .when({ ...issue, name: "" })
    .refused({ kind: "invalid-input", field: "name" });
  tokens()
    .when({ ...issue, expiresAtMs: timeMs })
    .refused({ kind: "invalid-input", field: "expiresAt" });
  tokens(issued).when(issue).refused({ kind: "already-exists" });
});

test("a revoked token frees its name, is not revoked twice, and is never issued again", () => {
  tokens(issued).when({ kind: "revoke", id: "a1", timeMs }).then([revoked], { release: true });
  tokens(issued, revoked).when({ kind: "revoke", id: "a1", timeMs }).refused({ kind: "already-revoked" });
  tokens(issued, revoked).when(issue).refused({ kind: "already-revoked" });
  tokens().when({ kind: "revoke", id: "a1", timeMs }).refused({ kind: "not-found" });
  expect(tokens(issued, revoked).state?.name).toBe("ci");
});
