// Guarantees of providers and model aliases over HTTP on a real PostgreSQL: a credential's value is in no event, answer or log line
// and goes with its provider, what is not there or cannot be is refused by name and leaves nothing behind, and a provider
// that an alias stands for does not go.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi, type Mutated } from "../admin-api.fixture.ts";
import { head } from "../log/read.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("providers");
});

afterAll(() => api?.close());

type Credential = { name: string; secretId: string; weight: number; models: string[] };
type Provider = { id: string; credentials: Credential[] };

const fields = `provider { id name kind baseUrl models timeoutSeconds allowPrivateNetwork passthrough
  credentials { name secretId weight models } }`;
const aliasFields = "modelAlias { id name targets { providerId model provider { name } } }";
const run = (mutation: string, input: object, of = fields) => api.mutate(mutation, input, of);
const retire = (mutation: string, id: string) => api.mutate(mutation, id, "id");
/** The fields are this spec's own, so what they hold is known. */
const providerOf = (result: Mutated): Provider => result["provider"] as Provider;
const position = async () => (await head(api.plane.database.sql)).position;

async function valueOf(id: string | undefined): Promise<string | undefined> {
  const [stored] = await api.plane.secretStore.fetch(api.plane.database.sql, [id ?? ""]);
  return stored && Buffer.from(stored.value).toString();
}

async function isWrittenAnywhere(value: string): Promise<boolean> {
  const hits = await api.plane.database.sql.query(
    `SELECT 1 FROM log.event WHERE position(convert_to($1, 'UTF8') IN record) > 0
     UNION ALL SELECT 1 FROM secret.value WHERE position(convert_to($1, 'UTF8') IN sealed) > 0`,
    [value],
  );
  return hits.length > 0 || api.logged().includes(value);
}

const register = (name: string, more: object = {}) =>
  run("registerProvider", { name, kind: "OPENAI", credentials: [{ name: "main", value: "planted-key-3e1" }], ...more });

test("a provider is shown whole but for its credentials' values, which are encrypted", async () => {
  const registered = await register("anthropic", { kind: "ANTHROPIC" });
  const { id, credentials } = providerOf(registered);
  expect(registered["provider"]).toEqual({
    ...{ id, name: "anthropic", kind: "ANTHROPIC", baseUrl: "https://api.anthropic.com", models: [] },
    ...{ timeoutSeconds: 600, allowPrivateNetwork: false, passthrough: false },
    credentials: [{ name: "main", secretId: expect.any(String), weight: 1, models: [] }],
  });
  const secretId = credentials[0]?.secretId;
  expect(await valueOf(secretId)).toBe("planted-key-3e1");
  expect(await isWrittenAnywhere("planted-key-3e1")).toBe(false);
  expect(JSON.stringify(registered)).not.toContain("planted");
});

test("its credential stays as long as it does and goes with it; so does its name", async () => {
  const registered = await register("gone");
  const { id, credentials } = providerOf(registered);
  const secretId = credentials[0]?.secretId;
  expect(await retire("eraseSecret", secretId ?? "")).toMatchObject({ __typename: "InUse", by: `provider/${id}` });
  const read = await api.admin.run(
    `query ($at: Position, $id: ID!) { provider(id: $id, atLeast: $at) { name }
      providers(filter: { name: "gone" }) { nodes { id credentials { name } } } }`,
    { at: registered.position, id },
  );
  expect(read).toEqual({
    provider: { name: "gone" },
    providers: { nodes: [{ id, credentials: [{ name: "main" }] }] },
  });
  expect((await register("gone")).__typename).toBe("NameTaken");
  expect((await retire("retireProvider", id)).__typename).toBe("RetireProviderSucceeded");
  expect(await valueOf(secretId)).toBeUndefined();
  expect(await retire("retireProvider", id)).toMatchObject({ __typename: "NotFound", scope: `provider/${id}` });
});

test("credentials change without their values: weights stay apart from secrets, and a new value is a new version", async () => {
  await run("storeSecret", { name: "shared", value: "planted-shared" }, "secret { id }");
  const credentials = [
    { name: "main", value: "planted-one" },
    { name: "spare", secretName: "shared", weight: 5, models: ["gpt-*"] },
  ];
  const { id, credentials: before } = providerOf(await register("openai", { credentials }));
  const weighed = await run("changeProvider", { id, credentials: [{ name: "spare" }, { name: "main", weight: 3 }] });
  expect(providerOf(weighed).credentials).toEqual([
    { name: "spare", secretId: before[1]?.secretId, weight: 1, models: [] },
    { name: "main", secretId: before[0]?.secretId, weight: 3, models: [] },
  ]);
  expect(await valueOf(before[0]?.secretId)).toBe("planted-one");
  const renewed = await run("changeProvider", { id, credentials: [{ name: "main", value: "planted-two" }] });
  expect(providerOf(renewed).credentials).toMatchObject([{ secretId: before[0]?.secretId }]);
  expect([await valueOf(before[0]?.secretId), await valueOf(before[1]?.secretId)]).toEqual([
    ...["planted-two", "planted-shared"],
  ]);
  const other = await run("changeProvider", { id, baseUrl: "https://api.openai.com/v2", models: ["gpt-5"] });
  expect(other["provider"]).toMatchObject({ models: ["gpt-5"], timeoutSeconds: 600 });
  expect(providerOf(other).credentials).toEqual(providerOf(renewed).credentials);
  for (const value of ["planted-one", "planted-two", "planted-shared"])
    expect(await isWrittenAnywhere(value)).toBe(false);
});

test("who changes where a provider is has to know its credentials", async () => {
  const { id, credentials: before } = providerOf(await register("moving"));
  const moved = { id, baseUrl: "https://elsewhere.example" };
  const main = { name: "main", value: "planted-anew" };
  for (const credentials of [undefined, [{ name: "main" }], [{ ...main, name: "new" }, { name: "main" }]])
    expect(await run("changeProvider", { ...moved, credentials })).toMatchObject({
      __typename: "InvalidInput",
      field: "credentials",
    });
  const done = await run("changeProvider", { ...moved, credentials: [main] });
  expect(done["provider"]).toMatchObject({ baseUrl: moved.baseUrl });
  expect(await valueOf(before[0]?.secretId)).toBe("planted-anew");
});

test("what cannot be is refused with its field, and nothing of it is left, no secret either", async () => {
  const before = await position();
  const secrets = async () => (await api.plane.database.sql.query("SELECT 1 FROM secret.value")).length;
  const count = await secrets();
  const main = { name: "main", value: "planted-refused" };
  for (const [more, refusal] of [
    [{ baseUrl: "https://u:p@o.example" }, { field: "baseUrl" }],
    [{ credentials: [] }, { field: "credentials" }],
    [{ credentials: [main, main] }, { field: "credentials[1].name" }],
    [{ credentials: [main, { name: "bare" }] }, { field: "credentials[1]" }],
    [{ credentials: [{ ...main, secretName: "shared" }] }, { field: "credentials[0]" }],
    [{ credentials: [{ ...main, value: "planted\r\nrefused" }] }, { field: "credentials[0].value" }],
    [{ credentials: [main, { ...main, name: "heavy", weight: 1_001 }] }, { field: "credentials[1].weight" }],
    [{ credentials: [{ name: "main", secretName: "provider/openai/main" }] }, { __typename: "ReferenceMissing" }],
    [{ timeoutSeconds: 0 }, { field: "timeoutSeconds" }],
    [{ name: "No name" }, { field: "name" }],
  ] as const) {
    const refused = await register("refused", more);
    expect(refused).toMatchObject({ __typename: expect.stringMatching(/Invalid|Missing/), ...refusal });
    expect(JSON.stringify(refused)).not.toContain("planted");
  }
  expect([await position(), await secrets()]).toEqual([before, count]);
  expect(api.logged()).not.toContain("planted");
});

test("changes at the same time leave no credential without its value, and no value without its credential", async () => {
  await run("storeSecret", { name: "spare", value: "planted-spare" }, "secret { id }");
  const { id } = providerOf(await register("contested"));
  const sources = [{ value: "planted-a" }, {}, { secretName: "spare" }, { value: "planted-b" }, {}];
  const done = await Promise.all(
    sources.map((source, n) =>
      run("changeProvider", { id, credentials: [{ name: "main", weight: n + 1, ...source }] }),
    ),
  );
  expect(new Set(done.map(({ __typename }) => __typename))).toEqual(new Set(["ChangeProviderSucceeded"]));
  const { credentials } = providerOf(await run("changeProvider", { id }));
  expect(await valueOf(credentials[0]?.secretId)).toMatch(/^planted-/);
  expect((await retire("retireProvider", id)).__typename).toBe("RetireProviderSucceeded");
  const left = await api.plane.database.sql.query("SELECT 1 FROM log.name WHERE name LIKE 'provider/contested/%'");
  expect(left).toEqual([]);
}, 30_000);

const target = { provider: "served", model: "gpt-5" };
const aliasOf = (result: Mutated) => result["modelAlias"] as { id: string };
const alias = (mutation: string, input: object) => run(mutation, input, aliasFields);

test("an alias names its provider and keeps it, its credentials too, until it stands for another's model", async () => {
  const { id, credentials } = providerOf(await register("served"));
  const made = await alias("createModelAlias", { name: "fast", targets: [target] });
  const aliasId = aliasOf(made).id;
  expect(made["modelAlias"]).toEqual({
    ...{ id: aliasId, name: "fast" },
    targets: [{ providerId: id, model: "gpt-5", provider: { name: "served" } }],
  });
  expect(await retire("retireProvider", id)).toMatchObject({ __typename: "InUse", by: `model-alias/${aliasId}` });
  expect(await valueOf(credentials[0]?.secretId)).toBe("planted-key-3e1");
  const targets = [{ provider: "openai", model: "o3" }];
  const changed = await alias("changeModelAlias", { id: aliasId, targets });
  const read = await api.admin.run(
    "query ($at: Position) { modelAliases(atLeast: $at) { nodes { name targets { model provider { name } } } } }",
    { at: changed.position },
  );
  expect(read).toEqual({
    modelAliases: { nodes: [{ name: "fast", targets: [{ model: "o3", provider: { name: "openai" } }] }] },
  });
  expect((await retire("retireProvider", id)).__typename).toBe("RetireProviderSucceeded");
  expect((await retire("retireModelAlias", aliasId)).__typename).toBe("RetireModelAliasSucceeded");
  expect(await retire("retireModelAlias", aliasId)).toMatchObject({ __typename: "NotFound" });
});

test("an alias that cannot be is refused, and what it would stand for is named where it is not there", async () => {
  const targets = [{ provider: "openai", model: "gpt-5" }];
  const { id } = aliasOf(await alias("createModelAlias", { name: "taken", targets }));
  const missing = { __typename: "ReferenceMissing", scope: "provider/nowhere" };
  const nowhere = [{ ...target, provider: "nowhere" }];
  expect(await alias("createModelAlias", { name: "other", targets: nowhere })).toMatchObject(missing);
  expect(await alias("changeModelAlias", { id, targets: nowhere })).toMatchObject(missing);
  expect(await alias("createModelAlias", { name: "a/b", targets })).toMatchObject({ field: "name" });
  expect(await alias("createModelAlias", { name: "none", targets: [] })).toMatchObject({ field: "targets" });
  expect((await alias("createModelAlias", { name: "taken", targets })).__typename).toBe("NameTaken");
});

test("keys and teams have models, and a pattern that is none is refused", async () => {
  const team = await run("createTeam", { name: "bound", models: ["openai/*"] }, "team { id models }");
  const teamId = (team["team"] as { id: string }).id;
  expect(team["team"]).toEqual({ id: teamId, models: ["openai/*"] });
  const keyFields = "key { id models tools }";
  const key = await run("issueKey", { name: "modelled", teamId, models: ["openai/gpt-*", "fast"] }, keyFields);
  const id = (key["key"] as { id: string }).id;
  expect(key["key"]).toEqual({ id, models: ["openai/gpt-*", "fast"], tools: [] });
  expect((await run("changeKey", { id, tools: ["a/*"] }, keyFields))["key"]).toMatchObject({
    models: ["openai/gpt-*", "fast"],
  });
  expect(await run("changeKey", { id, models: ["*", "openai/"] }, keyFields)).toMatchObject({ field: "models[1]" });
  expect(await run("changeTeam", { id: teamId, models: ["Bad Name"] }, "team { id }")).toMatchObject({
    field: "models[0]",
  });
  expect((await run("changeTeam", { id: teamId, models: [] }, "team { models }"))["team"]).toEqual({ models: [] });
});
