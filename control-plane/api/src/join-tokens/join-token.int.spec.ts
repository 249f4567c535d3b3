// Join tokens over the admin API: what is shown once is all that a proxy needs, and nothing of it is found again afterwards.

import { parseJoinToken } from "@tollgate/kernel/enrolment";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("join_tokens");
});

afterAll(() => api.close());

type Answer = { __typename: string; secret?: string | null; joinToken?: Record<string, unknown>; position?: string };

async function issue(input: Record<string, unknown>, idempotencyKey?: string): Promise<Answer> {
  const { issueJoinToken } = await api.admin.run<{ issueJoinToken: Answer }>(
    `mutation ($input: IssueJoinTokenInput!, $key: String) { issueJoinToken(input: $input, idempotencyKey: $key) {
       __typename ... on IssueJoinTokenSucceeded { joinToken { id name usesMax usedBy environment } secret position } } }`,
    { input, key: idempotencyKey ?? null },
  );
  return issueJoinToken;
}

test("a token is shown once, with the pin of the authority; it is for one proxy where nothing else is said", async () => {
  const issued = await issue({ name: "berlin" }, "intent-1");
  const token = parseJoinToken(issued.secret ?? "");
  expect(token?.pin).toBe(api.plane.authority.pin);
  expect(issued.joinToken).toEqual({
    id: token?.key.id,
    ...{ name: "berlin", usesMax: 1, usedBy: [], environment: null },
  });
  expect(await issue({ name: "berlin" }, "intent-1")).toMatchObject({ joinToken: issued.joinToken, secret: null });
  const { joinTokens } = await api.admin.run<{ joinTokens: unknown }>(
    "query ($at: Position) { joinTokens(atLeast: $at) { nodes { id name usesMax usedBy environment expiresAt } } }",
    { at: issued.position },
  );
  expect(joinTokens).toEqual({ nodes: [{ ...issued.joinToken, expiresAt: null }] });
  const log = await api.plane.database.sql.query("SELECT encode(record, 'escape') AS text FROM log.event");
  expect(JSON.stringify(log)).toContain("berlin");
  expect(JSON.stringify(log)).not.toContain(token?.key.text.slice(-20));
  expect(api.logged()).not.toContain(token?.key.text.slice(-20));
});

test("what makes no sense is refused, and a revoked token frees its name", async () => {
  expect(await issue({ name: "many", usesMax: 0 })).toEqual({ __typename: "InvalidInput" });
  const first = await issue({ name: "again" });
  expect(await issue({ name: "again" })).toEqual({ __typename: "NameTaken" });
  const revoke = "mutation ($id: ID!) { revokeJoinToken(id: $id) { __typename } }";
  const revoked = { revokeJoinToken: { __typename: "RevokeJoinTokenSucceeded" } };
  expect(await api.admin.run(revoke, { id: first.joinToken?.["id"] })).toEqual(revoked);
  expect(await api.admin.run(revoke, { id: first.joinToken?.["id"] })).toEqual({
    revokeJoinToken: { __typename: "AlreadyRevoked" },
  });
  expect((await issue({ name: "again" })).__typename).toBe("IssueJoinTokenSucceeded");
});

test("a proxy that never joined cannot be revoked", async () => {
  const { revokeProxy } = await api.admin.run<{ revokeProxy: unknown }>(
    'mutation { revokeProxy(id: "0000000000000000") { __typename } }',
  );
  expect(revokeProxy).toEqual({ __typename: "NotFound" });
  const { enrolledProxies } = await api.admin.run<{ enrolledProxies: unknown }>(
    "{ enrolledProxies { nodes { id joinTokenId enrolledAt } } }",
  );
  expect(enrolledProxies).toEqual({ nodes: [] });
});
