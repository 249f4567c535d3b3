// The primary holds just the secrets that the view's servers and providers need, in the view's version, whatever happens to the control
// plane in between.

import { create, toBinary } from "@bufbuild/protobuf";
import { ProviderKind, ProviderSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { newId, secret, server, until, viewWith, type Resource } from "../fixtures/gate-fixture.ts";
import { openLog } from "../log-output.ts";
import { openSecretCache } from "./secret-cache.ts";
import type { SecretValue } from "./secret-values.ts";

type Answer = (ids: readonly string[]) => Promise<SecretValue[]> | AsyncIterable<SecretValue[]>;

function cacheOver(answers: Answer) {
  const asked: string[][] = [];
  let changes = 0;
  async function* fetch(ids: readonly string[]) {
    asked.push([...ids]);
    const answer = answers(ids);
    if (answer instanceof Promise) yield await answer;
    else yield* answer;
  }
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

test("what a provider's credentials are is fetched like what servers need, and let go with the provider", async () => {
  const [ofServer, ofProvider, unused] = [newId(), newId(), newId()];
  const { cache, asked } = cacheOver(async (ids) => ids.map((id) => ({ id, version: 1, value: Buffer.from(id) })));
  const credentials = [{ name: "main", secretId: ofProvider, weight: 1 }];
  const init = { id: newId(), name: "anthropic", kind: ProviderKind.ANTHROPIC, credentials };
  const provider = { kind: "provider", id: init.id, bytes: toBinary(ProviderSchema, create(ProviderSchema, init)) };
  const secrets = [ofServer, ofProvider, unused].map((id) => secret(id, 1));
  cache.need(viewWith([...secrets, usedBy(ofServer), provider]));
  await until(cache.areComplete, "the fetch");
  expect(asked.flat().sort()).toEqual([ofServer, ofProvider].sort());
  expect(textsOf(cache.values()).sort()).toEqual([ofServer, ofProvider].sort());
  cache.need(viewWith([...secrets, usedBy(ofServer)]));
  expect(textsOf(cache.values())).toEqual([ofServer]);
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

test("of an answer that broke off what came is kept, and what did not is asked for again and not taken for erased", async () => {
  const [first, second] = [newId(), newId()];
  const of = (id: string): SecretValue => ({ id, version: 1, value: Buffer.from(id) });
  let isCutOff = true;
  const { cache, asked, changes } = cacheOver(async function* (ids) {
    const [id = "", ...rest] = ids;
    yield [of(id)];
    if (isCutOff) {
      isCutOff = false;
      throw new Error("cut off");
    }
    yield rest.map(of);
  });
  cache.need(viewWith([secret(first, 1), secret(second, 1), usedBy(first, second)]));
  await until(() => cache.values().length === 1, "the first part");
  expect([cache.areComplete(), changes()]).toEqual([false, 2]);
  await until(cache.areComplete, "the rest");
  expect(asked).toEqual([[first, second], [second]]);
  expect(textsOf(cache.values())).toEqual([first, second]);
  cache.close();
});

test("what no server needs any more when it comes is not held", async () => {
  const [kept, gone] = [newId(), newId()];
  const answer = Promise.withResolvers<SecretValue[]>();
  const { cache } = cacheOver(() => answer.promise);
  cache.need(viewWith([secret(kept, 1), secret(gone, 1), usedBy(kept, gone)]));
  cache.need(viewWith([secret(kept, 1), secret(gone, 1), usedBy(kept)]));
  answer.resolve([kept, gone].map((id) => ({ id, version: 1, value: Buffer.from("v") })));
  await until(cache.areComplete, "the answer");
  expect(cache.values().map(({ id }) => id)).toEqual([kept]);
  cache.close();
});

test("a view without servers needs no secret and is complete at once", () => {
  const { cache, changes } = cacheOver(async () => []);
  cache.need(viewWith([]));
  expect([cache.areComplete(), changes()]).toEqual([true, 1]);
  cache.close();
});

test("who was complete once stays so while the secret of a new server is on its way", async () => {
  const [first, second] = [newId(), newId()];
  const { promise, resolve } = Promise.withResolvers<void>();
  const { cache } = cacheOver(async (ids) => {
    if (ids.includes(second)) await promise;
    return ids.map((id) => ({ id, version: 1, value: Buffer.from("v") }));
  });
  cache.need(viewWith([secret(first, 1), usedBy(first)]));
  await until(cache.areComplete, "the first secret");
  cache.need(viewWith([secret(first, 1), secret(second, 1), usedBy(first, second)]));
  expect(cache.areComplete()).toBe(true);
  resolve();
  await until(() => cache.values().length === 2, "the second secret");
  cache.close();
});
