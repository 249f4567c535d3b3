// The way of secrets from the store to a proxy, over the real door and a real PostgreSQL: all that a proxy may need arrives
// also where it is larger than a message, and a control plane that stops in between makes no credential look erased.

import { randomBytes } from "node:crypto";
import { openDatabase } from "@tollgate/api/database";
import { serve, startGrpcServer, type ServiceMethods } from "@tollgate/api/grpc-server";
import { openSecretStore } from "@tollgate/api/secrets/secret-store";
import { secretsService } from "@tollgate/api/secrets/secrets-service";
import { limits } from "@tollgate/kernel/limits";
import { openControlPlane, type ControlPlane } from "@tollgate/proxy/grpc";
import { fetchSecrets } from "@tollgate/proxy/upstream/secret-fetch";
import { Secrets } from "@tollgate/schema/secrets";
import { afterEach, expect, test } from "vitest";
import { createDatabase } from "../support/database.ts";
import { newCaller } from "../support/caller.ts";
import { socketDoor } from "../support/socket-door.ts";

const closes: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closes.splice(0).toReversed()) await close();
});

async function open(methods: ServiceMethods<typeof Secrets>): Promise<ControlPlane> {
  const socket = socketDoor();
  closes.push(() => socket.remove());
  const onBug = (bug: unknown): void => expect.unreachable(String(bug));
  const services = [serve(Secrets, methods)];
  const server = await startGrpcServer({ ...socket.server, services, onBug });
  closes.push(() => server.stop());
  const control = openControlPlane(socket.way(), newCaller());
  closes.push(() => control.close());
  return control;
}

test("300 secrets of the largest size arrive whole, and one that does not exist is known to be none", async () => {
  const own = await createDatabase("secrets_contract");
  closes.push(() => own.drop());
  const database = await openDatabase({ url: own.url });
  closes.push(() => database.close());
  const store = openSecretStore(randomBytes(32));
  const value = randomBytes(limits.secretBytesMax);
  const ids = Array.from({ length: 300 }, (_, n) => `secret-${n}`);
  await database.transaction(async (sql) => {
    for (const id of ids) await store.put(sql, id, 1, value);
  });
  const control = await open(secretsService(database, store));
  const found: string[] = [];
  for await (const part of fetchSecrets(control, [...ids, "none"]))
    for (const secret of part) {
      expect(Buffer.from(secret.value).equals(value)).toBe(true);
      found.push(secret.id);
    }
  expect(found.toSorted()).toEqual(ids.toSorted());
}, 30_000);

test("a stream that ends before its last chunk is a failure, and what it brought is given", async () => {
  const control = await open({
    async *fetch() {
      yield { secrets: [{ id: "a", version: 1, value: Buffer.from("v") }] };
    },
  });
  const found: string[] = [];
  const reading = (async () => {
    for await (const part of fetchSecrets(control, ["a", "b"])) found.push(...part.map(({ id }) => id));
  })();
  await expect(reading).rejects.toThrow("ended before");
  expect(found).toEqual(["a"]);
});
