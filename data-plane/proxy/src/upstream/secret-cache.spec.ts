// The primary holds just the secrets that the view's servers need, in the view's version, whatever happens to the control
// plane in between.

import { expect, test } from "vitest";
import { newId, secret, server, until, viewWith, type Resource } from "../fixtures/gate-fixture.ts";
import { openLog } from "../log-output.ts";
import { openSecretCache } from "./secret-cache.ts";

function cacheOver(answers: (ids: readonly string[]) => Promise<{ id: string; version: number; value: Uint8Array }[]>) {
  const asked: string[][] = [];
  let changes = 0;
  const fetch = (ids: readonly string[]) => {
    asked.push([...ids]);
    return answers(ids);
  };
  const cache = openSecretCache({ fetch, onChange: () => void changes++, log: openLog("silent", {}) });
  return { cache, asked, changes: () => changes };
}

const usedBy = (...ids: string[]): Resource =>
  server("s", "http://s/", { headers: ids.map((secretId) => ({ name: "x-auth", prefix: "", secretId })) });
const textsOf = (values: readonly { value: Uint8Array }[]) => values.map(({ value }) => Buffer.from(value).toString());

test("only what servers need is fetched, again only in a new version, and let go when unneeded", async () => {
  const [used, unused] = [newId(), newId()];
  let version = 1;
  const { cache, asked } = cacheOver(async (ids) =>
    ids.map((id) => ({ id, version, value: Buffer.from(`v${version}`) })),
  );
  expect(cache.areComplete()).toBe(false);
  const server = usedBy(used);
  cache.need(viewWith([secret(used, 1), secret(unused, 1), server]));
  await until(cache.areComplete, "the first fetch");
  cache.need(viewWith([secret(used, 1), secret(unused, 2), server]));
  expect([asked, textsOf(cache.values())]).toEqual([[[used]], ["v1"]]);
  version = 2;
  cache.need(viewWith([secret(used, 2), server]));
  // The old value serves until the new one is here.
  expect([cache.areComplete(), textsOf(cache.values())]).toEqual([true, ["v1"]]);
  await until(() => textsOf(cache.values())[0] === "v2", "the new version");
  cache.need(viewWith([secret(used, 2)]));
  expect(cache.values()).toEqual([]);
  cache.close();
});

test("a control plane that is away is asked again, and one that has no such secret is not", async () => {
  const [here, erased] = [newId(), newId()];
  let failures = 1;
  const { cache, asked } = cacheOver(async () => {
    if (failures-- > 0) throw new Error("away");
    return [{ id: here, version: 1, value: Buffer.from("v") }];
  });
  cache.need(viewWith([secret(here, 1), secret(erased, 1), usedBy(here, erased)]));
  await until(cache.areComplete, "the second fetch");
  expect(asked).toHaveLength(2);
  cache.need(viewWith([secret(here, 1), secret(erased, 1), usedBy(here, erased)]));
  expect([asked.length, textsOf(cache.values())]).toEqual([2, ["v"]]);
  cache.close();
});

test("a view without servers needs no secret and is complete at once", () => {
  const { cache, changes } = cacheOver(async () => []);
  cache.need(viewWith([]));
  expect([cache.areComplete(), changes()]).toEqual([true, 1]);
  cache.close();
});
