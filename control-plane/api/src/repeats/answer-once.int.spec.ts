// Guarantees to whoever sends a mutation again because its answer was lost: it is done once, by whichever of several
// attempts, and answered the same; a secret is told to one of them and is kept for none. Without this a retry after a
// timeout would issue a second key that nobody holds, or rotate the secret away that the first attempt told.

import { randomBytes, randomUUID } from "node:crypto";
import { isUnionType } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminClient, AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { lend, newBudget } from "../ledger/lending.fixture.ts";
import { handle } from "../log/handle.ts";
import { head } from "../log/read.ts";
import { proxyDecider } from "../proxies/proxy.decider.ts";
import { teamDecider } from "../teams/team.decider.ts";
import { answersKeptMs } from "./answer-once.ts";
import { fingerprintWith } from "./fingerprint.ts";
import { forgetAll } from "./forgetting.ts";
import { quotaWishes } from "./quota-wishes.fixture.ts";
import { resourceWishes } from "./resource-wishes.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("repeats");
});

afterAll(() => {
  return api?.close();
});

type Answer = { __typename: string } & Record<string, unknown>;
type Wish = { mutation: string; args: string; fields: string };

const position = async (): Promise<bigint> => (await head(api.plane.database.sql)).position;
const isOnce = (answer: Answer): Answer => ({ ...answer, secret: null });
const literal = (value: string): string => JSON.stringify(value);

async function send(wish: Wish, idempotencyKey: string | undefined, client = api.admin): Promise<Answer> {
  const name = `${wish.mutation.charAt(0).toUpperCase()}${wish.mutation.slice(1)}`;
  const union = api.schema.getType(`${name}Result`);
  const refusals = (isUnionType(union) ? union.getTypes() : []).filter((type) => !type.name.endsWith("Succeeded"));
  const { result } = await client.run<{ result: Answer }>(
    `mutation ($key: String) { result: ${wish.mutation}(${wish.args}, idempotencyKey: $key) { __typename
      ... on ${name}Succeeded { position ${wish.fields} }
      ${refusals.map((type) => `... on ${type.name} { message }`).join(" ")} } }`,
    { key: idempotencyKey ?? null },
  );
  return result;
}

async function codeOf(wish: Wish, idempotencyKey: string): Promise<unknown> {
  const error: unknown = await send(wish, idempotencyKey).catch((reason: unknown) => reason);
  return error instanceof AdminError ? error.errors[0]?.extensions?.["code"] : error;
}

const createTeam = (name: string): Wish => ({
  mutation: "createTeam",
  args: `input: { name: ${literal(name)} }`,
  fields: "team { id name }",
});
const keyFields = "key { id name teamId status tools createdAt expiresAt revokedAt formerSecretValidUntil }";
const issueKey = (name: string, teamId: string): Wish => ({
  mutation: "issueKey",
  args: `input: { name: ${literal(name)}, teamId: ${literal(teamId)}, expiresAt: "2100-01-01T00:00:00Z" }`,
  fields: `secret ${keyFields}`,
});

async function idIn(wish: Wish, member: string): Promise<string> {
  const answer = await send(wish, undefined);
  return (answer[member] as { id: string }).id;
}

/** Joining is not a mutation. */
async function enrolled(): Promise<string> {
  const { id, keySha256, timeMs } = { id: "0123456789abcdef", keySha256: randomBytes(32), timeMs: api.plane.nowMs() };
  const labels = { joinTokenId: "spec", environment: "", region: "" };
  const command = { kind: "enrol", id, keySha256, ...labels, timeMs } as const;
  await handle(api.plane.database, { decider: proxyDecider, id, command }, { actor: "system/spec", timeMs });
  return id;
}

const newTeam = (): Promise<string> => idIn(createTeam(`team-${randomBytes(4).toString("hex")}`), "team");
const newKey = async (): Promise<string> =>
  idIn(issueKey(`key-${randomBytes(4).toString("hex")}`, await newTeam()), "key");

const register = (name: string): Wish => ({
  mutation: "registerServer",
  args: `input: { name: "${name}", url: "https://s.example/mcp", headers: [{ name: "X-Key", value: "planted-header" }] }`,
  fields: "server { id name headers { name secretId } }",
});
const storeSecret = (name: string): Wish => ({
  mutation: "storeSecret",
  args: `input: { name: "${name}", value: "planted-value" }`,
  fields: "secret { id name version }",
});
const issueToken = (name: string): Wish => ({
  mutation: "issueAdminToken",
  args: `input: { name: "${name}" }`,
  fields: "secret adminToken { id name createdAt }",
});
const issueJoinToken = (name: string): Wish => ({
  mutation: "issueJoinToken",
  args: `input: { name: "${name}" }`,
  fields: "secret joinToken { id name usesMax }",
});
const byId = (mutation: string, id: string, fields = "id"): Wish => ({ mutation, args: `id: ${literal(id)}`, fields });

const file = `version: 1
teams:
  - name: from-file
keys:
  - name: key-from-file
    team: from-file
`;

const setEnvironment = (name: string): Wish => ({
  mutation: "setEnvironment",
  args: `input: { name: "${name}", replicaAgeMsMax: "90000" }`,
  fields: "environment { id name }",
});

const newEnvironment = (): Promise<string> =>
  idIn(setEnvironment(`environment-${randomBytes(4).toString("hex")}`), "environment");

const createToolGroup = (name: string): Wish => ({
  mutation: "createToolGroup",
  args: `input: { name: "${name}", tools: ["a/*"] }`,
  fields: "toolGroup { id name tools naming }",
});
const newToolGroup = (): Promise<string> =>
  idIn(createToolGroup(`group-${randomBytes(4).toString("hex")}`), "toolGroup");

const registerProvider = (name: string): Wish => ({
  mutation: "registerProvider",
  args: `input: { name: "${name}", kind: OPENAI, credentials: [{ name: "main", value: "planted-credential" }] }`,
  fields: "provider { id name credentials { name secretId weight } }",
});
const newProvider = (): Promise<string> =>
  idIn(registerProvider(`provider-${randomBytes(4).toString("hex")}`), "provider");
const aliasOf = async (name: string): Promise<Wish> => {
  const provider = `of-${name}`;
  await send(registerProvider(provider), undefined);
  const args = `input: { name: "${name}", targets: [{ provider: "${provider}", model: "gpt-5" }] }`;
  return { mutation: "createModelAlias", args, fields: "modelAlias { id name targets { model } }" };
};

const hash = "ab".repeat(32);
const approving = async (): Promise<Wish> => {
  const serverId = await idIn(register(`seen-${randomBytes(4).toString("hex")}`), "server");
  await api.plane.database.sql.query(
    `INSERT INTO catalogue.entry (server_id, kind, name, sha256, first_seen, changed_at)
     VALUES ($1, 'tool', 'read', decode($2, 'hex'), now(), now())`,
    [serverId, hash],
  );
  const args = `input: { serverId: ${literal(serverId)}, tools: [{ name: "read", sha256: "${hash}" }] }`;
  return { mutation: "approveTools", args, fields: "server { id }" };
};

/** One of each; every one of them changes something, so that a second time would show. */
const wishes: Readonly<Record<string, () => Promise<Wish>>> = {
  createTeam: async () => createTeam("once"),
  setEnvironment: async () => setEnvironment("once"),
  retireEnvironment: async () => byId("retireEnvironment", await newEnvironment()),
  changeTeam: async () => ({
    mutation: "changeTeam",
    args: `input: { id: ${literal(await newTeam())}, tools: ["a/*"] }`,
    fields: "team { id name tools toolGroupIds toolGroups { name } }",
  }),
  createToolGroup: async () => createToolGroup("once"),
  changeToolGroup: async () => ({
    mutation: "changeToolGroup",
    args: `input: { id: ${literal(await newToolGroup())}, tools: ["b/*"] }`,
    fields: "toolGroup { id tools }",
  }),
  retireToolGroup: async () => byId("retireToolGroup", await newToolGroup()),
  retireTeam: async () => byId("retireTeam", await newTeam()),
  issueKey: async () => issueKey("once", await newTeam()),
  changeKey: async () => ({
    mutation: "changeKey",
    args: `input: { id: ${literal(await newKey())}, tools: ["a/*"], expiresAt: null }`,
    fields: keyFields,
  }),
  rotateKey: async () => ({
    mutation: "rotateKey",
    args: `input: { id: ${literal(await newKey())}, overlapSeconds: 60 }`,
    fields: `secret ${keyFields}`,
  }),
  revokeKey: async () => byId("revokeKey", await newKey(), keyFields),
  registerServer: async () => register("once"),
  changeServer: async () => ({
    mutation: "changeServer",
    args: `input: { id: ${literal(await idIn(register("changed"), "server"))}, timeoutSeconds: 7 }`,
    fields: "server { id timeoutSeconds }",
  }),
  retireServer: async () => byId("retireServer", await idIn(register("retired"), "server")),
  importServers: async () => ({
    mutation: "importServers",
    args: `input: { json: ${literal(JSON.stringify({ mcpServers: { imported: { command: "a" } } }))} }`,
    fields: "isApplied servers { name from action fields secrets }",
  }),
  approveTools: approving,
  withdrawToolApproval: async () => {
    const serverId = await idIn(await approving(), "server");
    const args = `input: { serverId: ${literal(serverId)}, name: "read" }`;
    return { mutation: "withdrawToolApproval", args, fields: "server { id }" };
  },
  registerProvider: async () => registerProvider("once"),
  changeProvider: async () => ({
    mutation: "changeProvider",
    args: `input: { id: ${literal(await newProvider())}, timeoutSeconds: 7 }`,
    fields: "provider { id timeoutSeconds }",
  }),
  retireProvider: async () => byId("retireProvider", await newProvider()),
  createModelAlias: () => aliasOf("once"),
  changeModelAlias: async () => {
    const id = await idIn(await aliasOf("changed"), "modelAlias");
    const args = `input: { id: ${literal(id)}, targets: [{ provider: "of-changed", model: "o3" }] }`;
    return { mutation: "changeModelAlias", args, fields: "modelAlias { id targets { model provider { name } } }" };
  },
  retireModelAlias: async () => byId("retireModelAlias", await idIn(await aliasOf("retired"), "modelAlias")),
  setPrices: async () => ({
    mutation: "setPrices",
    args: `input: { prices: [{ provider: "openai", model: "*", inputPerMillion: "1.5", outputPerMillion: "2" }] }`,
    fields: "priceList { version prices { model inputPerMillion contextTokensMax } }",
  }),
  storeSecret: async () => storeSecret("once"),
  eraseSecret: async () => byId("eraseSecret", await idIn(storeSecret("erased"), "secret")),
  issueAdminToken: async () => issueToken("once"),
  revokeAdminToken: async () =>
    byId("revokeAdminToken", await idIn(issueToken("revoked"), "adminToken"), "adminToken { id revokedAt }"),
  issueJoinToken: async () => issueJoinToken("once"),
  revokeJoinToken: async () =>
    byId("revokeJoinToken", await idIn(issueJoinToken("revoked"), "joinToken"), "joinToken { id revokedAt }"),
  revokeProxy: async () => byId("revokeProxy", await enrolled(), "proxy { id revokedAt }"),
  applyConfiguration: async () => ({
    mutation: "applyConfiguration",
    args: `file: ${literal(file)}`,
    fields: "isApplied plan { action kind name fields } issued { name secret }",
  }),
  writeOffProxy: async () => {
    const proxyId = randomUUID();
    await lend(api.plane.database, proxyId, await newBudget(api.plane.database, {}), 5n);
    const args = `input: { proxyId: ${literal(proxyId)}, reason: "gone" }`;
    return { mutation: "writeOffProxy", args, fields: "writeOff { id proxyId reason by at leases amount isForced }" };
  },
  ...quotaWishes((wish) => send(wish, undefined), newTeam),
  ...resourceWishes((wish) => send(wish, undefined)),
};

test("every mutation of the API is among those that are tried here", () => {
  expect(Object.keys(wishes).sort()).toEqual(Object.keys(api.schema.getMutationType()?.getFields() ?? {}).sort());
});

test.each(Object.keys(wishes))(
  "%s, sent again, does nothing more and is answered as before, without a secret",
  async (of) => {
    const wish = await wishes[of]?.();
    if (!wish) throw new Error("no such mutation");
    const key = randomUUID();
    const before = await position();
    const first = await send(wish, key);
    expect(first.__typename).toMatch(/Succeeded$/);
    const after = await position();
    expect(after).toBeGreaterThan(before);

    const again = await send(wish, key);
    expect(await position()).toBe(after);
    if (wish.mutation === "applyConfiguration") {
      expect(first["issued"]).toEqual([{ name: "key-from-file", secret: expect.stringMatching(/^tg_key_/) }]);
      expect(again).toEqual({ ...first, issued: [{ name: "key-from-file", secret: null }] });
    } else if (wish.fields.startsWith("secret ") && wish.mutation !== "storeSecret") {
      expect(first["secret"]).toMatch(/^tg_/);
      expect(again).toEqual(isOnce(first));
    } else expect(again).toEqual(first);
  },
);

test("what is kept holds no secret, neither one that was told nor one that was sent", async () => {
  const wish = issueKey("nobody-keeps-it", await newTeam());
  const told = String((await send(wish, randomUUID()))["secret"]);
  const kept = await api.plane.database.sql.query<{ text: string }>(
    "SELECT row_to_json(a)::text AS text FROM api.answer a",
  );
  const all = kept.map(({ text }) => text).join("\n");
  expect(all).toContain("nobody-keeps-it");
  for (const secret of [told, "planted-value", "planted-header", "planted-credential"])
    expect(all).not.toContain(secret);
});

test("many at the same time do it once; one of them is told the secret", async () => {
  for (const wish of [issueKey("crowd", await newTeam()), await wishes["rotateKey"]?.(), storeSecret("crowd")]) {
    if (!wish) throw new Error("no such mutation");
    const key = randomUUID();
    const before = await position();
    const answers = await Promise.all(Array.from({ length: 6 }, () => send(wish, key)));
    expect(await position()).toBe(before + 1n);
    if (wish.mutation === "storeSecret") expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    else {
      expect(new Set(answers.map((answer) => JSON.stringify(isOnce(answer)))).size).toBe(1);
      expect(answers.filter(({ secret }) => secret !== null)).toHaveLength(1);
    }
  }
});

test("the same key with other arguments, or for another mutation, is an error and does nothing", async () => {
  const key = randomUUID();
  const first = await send(createTeam("mine"), key);
  const before = await position();
  expect(await codeOf(createTeam("other"), key)).toBe("request.key-reused");
  expect(await codeOf(byId("retireTeam", (first["team"] as { id: string }).id), key)).toBe("request.key-reused");
  expect(await position()).toBe(before);
});

test("another token's key is another key", async () => {
  const key = randomUUID();
  await send(createTeam("of-the-first"), key);
  const issued = await send(issueToken("second"), undefined);
  const second = new AdminClient(api.url, String(issued["secret"]));
  expect((await send(createTeam("of-the-second"), key, second)).__typename).toBe("CreateTeamSucceeded");
});

test("a refusal is not kept: what was in the way may be gone", async () => {
  const key = randomUUID();
  const teamId = await idIn(createTeam("in-the-way"), "team");
  expect((await send(createTeam("in-the-way"), key)).__typename).toBe("NameTaken");
  await send(byId("retireTeam", teamId), undefined);
  expect((await send(createTeam("in-the-way"), key)).__typename).toBe("CreateTeamSucceeded");
});

test("a change that changes nothing is answered the same as well, with the position that it had then", async () => {
  const key = randomUUID();
  const wish = { mutation: "changeKey", args: `input: { id: ${literal(await newKey())} }`, fields: keyFields };
  const first = await send(wish, key);
  await newTeam();
  expect(await send(wish, key)).toEqual(first);
});

test.each(["", "x".repeat(129)])("a key is 1 to 128 characters: not %j", async (key) => {
  expect(await codeOf(createTeam("never"), key)).toBe("request.invalid");
});

test("answer and events are written together or not at all", async () => {
  const { database, fingerprint, nowMs } = api.plane;
  const claim = { id: randomBytes(32), fingerprint: fingerprint(Buffer.from("x")), keptUntilMs: nowMs() + 60_000 };
  const create = (name: string) => {
    const step = { decider: teamDecider, id: name, command: { kind: "create", id: name, name } } as const;
    return handle(database, step, { actor: "system/spec", timeMs: nowMs(), claim }, { answer: () => ({ name }) });
  };
  const kept = (): Promise<unknown[]> =>
    database.sql.query("SELECT position FROM api.answer WHERE claim = $1", [claim.id]);
  // The second finds its claim taken only when it writes; its events must go with its answer.
  const done = await create("a-twin");
  const before = await position();
  await expect(create("another-twin")).rejects.toMatchObject({ constraint: "answer_claim" });
  expect(await position()).toBe(before);
  expect(await kept()).toEqual([{ position: done.outcome === "accepted" ? done.position : undefined }]);
});

test("a command with a claim whose answer nobody says is a bug, not a mutation that is done twice", async () => {
  const { database, nowMs } = api.plane;
  const claim = { id: randomBytes(32), fingerprint: randomBytes(32), keptUntilMs: nowMs() + 60_000 };
  const step = {
    decider: teamDecider,
    id: "silent",
    command: { kind: "create", id: "silent", name: "silent" },
  } as const;
  const before = await position();
  await expect(handle(database, step, { actor: "system/spec", timeMs: nowMs(), claim })).rejects.toThrow("answer");
  expect(await position()).toBe(before);
});

test("fingerprints are equal for equal bytes under one master key, and tell nothing under another", () => {
  const [one, other] = [fingerprintWith(randomBytes(32)), fingerprintWith(randomBytes(32))];
  expect(one(Buffer.from("a"))).toEqual(one(Buffer.from("a")));
  expect(one(Buffer.from("a"))).not.toEqual(one(Buffer.from("b")));
  expect(one(Buffer.from("a"))).not.toEqual(other(Buffer.from("a")));
});

test("after a day a key is new again, whether or not its answer was deleted; then all of them are", async () => {
  const key = randomUUID();
  const wish = storeSecret("daily");
  const version = async (): Promise<unknown> => ((await send(wish, key))["secret"] as { version: number }).version;
  expect([await version(), await version()]).toEqual([1, 1]);
  api.passMs(answersKeptMs + 1);
  expect([await version(), await version()]).toEqual([2, 2]);
  api.passMs(answersKeptMs + 1);
  const { database, nowMs } = api.plane;
  await forgetAll(database, nowMs());
  expect(await database.sql.query("SELECT 1 FROM api.answer")).toEqual([]);
});
