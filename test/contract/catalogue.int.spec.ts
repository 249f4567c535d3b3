// What a proxy tells of its servers, over the real door into a real PostgreSQL: only an admitted proxy is listened to, it is who
// it was admitted as, and the largest report that both have agreed on goes through.

import { createHash } from "node:crypto";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { catalogueService } from "@tollgate/api/catalogue/catalogue-service";
import { openDatabase, type Database } from "@tollgate/api/database";
import { serve, startGrpcServer } from "@tollgate/api/grpc-server";
import { handle } from "@tollgate/api/log/handle";
import { serverDecider, usualSettings } from "@tollgate/api/servers/server.decider";
import { limits } from "@tollgate/kernel/limits";
import { canonicalDefinition } from "@tollgate/kernel/tool-definition";
import {
  Catalogue,
  CatalogueSeenSchema,
  CatalogueWantedSchema,
  EntryKind,
  ServerState,
  type CatalogueWanted,
} from "@tollgate/schema/catalogue";
import { afterEach, expect, test } from "vitest";
import { newCaller } from "../support/caller.ts";
import { createDatabase } from "../support/database.ts";
import { socketDoor, type SocketDoor } from "../support/socket-door.ts";

const closes: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closes.splice(0).toReversed()) await close();
});

const serverId = "0123456789abcdef";
const caller = newCaller();

async function open(): Promise<{ database: Database; socket: SocketDoor }> {
  const own = await createDatabase("catalogue_contract");
  closes.push(() => own.drop());
  const database = await openDatabase({ url: own.url });
  closes.push(() => database.close());
  const command = { kind: "register", id: serverId, name: "docs", ...usualSettings, url: "https://d.example" } as const;
  await handle(database, { decider: serverDecider, id: serverId, command }, { actor: "system/test", timeMs: 1 });
  const socket = socketDoor();
  closes.push(() => socket.remove());
  const services = [serve(Catalogue, catalogueService({ database, nowMs: Date.now }))];
  const onBug = (bug: unknown): void => expect.unreachable(String(bug));
  const server = await startGrpcServer({ ...socket.server, services, onBug });
  closes.push(() => server.stop());
  return { database, socket };
}

/** As any client of the contract would, whatever it is written in. */
function report(
  socket: SocketDoor,
  seen: MessageInitShape<typeof CatalogueSeenSchema>,
  token?: string,
): Promise<CatalogueWanted> {
  const way = socket.way(token);
  if (way.kind !== "socket") throw new Error("this is no socket");
  const client = new Client(way.url, credentials.createInsecure());
  closes.push(() => client.close());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${way.token}`);
  metadata.set("tollgate-proxy", caller.proxyId);
  metadata.set("tollgate-boot", caller.boot);
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      `/${Catalogue.typeName}/Report`,
      (message: MessageInitShape<typeof CatalogueSeenSchema>) =>
        Buffer.from(toBinary(CatalogueSeenSchema, create(CatalogueSeenSchema, message))),
      (bytes) => fromBinary(CatalogueWantedSchema, bytes),
      seen,
      metadata,
      {},
      (error, answer) => (error ? reject(error) : resolve(answer ?? create(CatalogueWantedSchema))),
    ),
  );
}

test("nobody without the token is listened to", async () => {
  const { database, socket } = await open();
  const seen = { servers: [{ serverId, state: ServerState.CONNECTED }] };
  await expect(report(socket, seen, "another")).rejects.toMatchObject({ code: 16 });
  expect(await database.sql.query("SELECT 1 FROM catalogue.health")).toEqual([]);
  await report(socket, seen);
  expect(await database.sql.query(`SELECT proxy_id AS "proxyId" FROM catalogue.health`)).toEqual([
    { proxyId: caller.proxyId },
  ]);
});

test("as many entries as a server may have, and as many definitions as a report may, go through; one more is told why not", async () => {
  const { database, socket } = await open();
  const definition = (n: number) => JSON.stringify({ name: `tool-${n}`, description: "d".repeat(8_000) });
  const sha256 = (n: number) =>
    createHash("sha256")
      .update(canonicalDefinition(definition(n)) ?? "")
      .digest();
  const entriesOf = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ kind: EntryKind.TOOL, name: `tool-${n}`, sha256: sha256(n) }));
  const listing = { listedAtMs: 1n, entries: entriesOf(limits.catalogueEntriesMax) };
  const { definitions: wanted } = await report(socket, { servers: [{ serverId, listing }] });
  expect(wanted.length).toBeGreaterThan(100);
  const fitting = Math.floor(limits.catalogueReportBytesMax / definition(0).length);
  const definitions = Array.from({ length: fitting }, (_, n) => Buffer.from(definition(n)));
  await report(socket, { definitions });
  expect(await database.sql.query("SELECT count(*) FROM catalogue.definition")).toEqual([{ count: BigInt(fitting) }]);
  const more = { listedAtMs: 2n, entries: entriesOf(limits.catalogueEntriesMax + 1) };
  await expect(report(socket, { servers: [{ serverId, listing: more }] })).rejects.toMatchObject({
    details: expect.stringContaining(`${limits.catalogueEntriesMax} at most`),
  });
}, 30_000);
