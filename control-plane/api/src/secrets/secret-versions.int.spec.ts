// Which secret and which version a store is, when names and ids come back. A proxy holds the highest version that it has
// seen of an id and takes no notice of a lower one: it would go on sending a credential that was erased.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { handleAll } from "../log/handle.ts";
import { secretRows, storeSteps } from "./secret-changes.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("secret_versions");
});

afterAll(() => api?.close());

type Stored = { id: string; version: number };

async function store(): Promise<Stored> {
  const { result } = await api.admin.run<{ result: { secret: Stored } }>(
    `mutation { result: storeSecret(input: { name: "github", value: "v" }) {
      ... on StoreSecretSucceeded { secret { id version } }
    } }`,
  );
  return result.secret;
}

const erase = (id: string) => api.admin.run("mutation ($id: ID!) { eraseSecret(id: $id) { __typename } }", { id });

test("a name that is stored anew after its secret was erased is another secret, with an id of its own", async () => {
  const first = await store();
  await erase(first.id);
  const second = await store();
  expect(second.version).toBe(1);
  expect(second.id).not.toBe(first.id);
  await erase(second.id);
});

test("an id that is erased while somebody stores under it has the next version, and a value that opens", async () => {
  const { id } = await store();
  await erase(id);
  // Whoever had looked the name up before the erasure stores under the id that he found.
  const { database, secretStore, nowMs } = api.plane;
  const changes = { stores: [{ id, name: "github", value: Buffer.from("late") }], erasures: [] };
  const meta = { actor: "system/spec", timeMs: nowMs() };
  await handleAll(database, storeSteps(changes), meta, { within: secretRows(secretStore, changes) });
  expect(await secretStore.fetch(database.sql, [id])).toEqual([{ id, version: 2, value: Buffer.from("late") }]);
  expect(await store()).toEqual({ id, version: 3 });
});
