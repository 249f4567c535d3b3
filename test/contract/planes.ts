// Both planes in one process, wired as their composition roots wire them, for suites about what lies between: a real
// database with the log and its projection, the gRPC door, the relay where there are brokers, and any number of proxies'
// feeds. Each piece can be stopped and started alone. It appends events by hand, because no suite here is about deciders.

import { create, type Message } from "@bufbuild/protobuf";
import { openDatabase, type Database } from "@tollgate/api/database";
import { serve, startGrpcServer, type GrpcServer } from "@tollgate/api/grpc-server";
import { openKafka } from "@tollgate/api/kafka";
import { append } from "@tollgate/api/log/append";
import { readLog } from "@tollgate/api/log/read";
import { toLogged } from "@tollgate/api/log/record";
import { openKeyring, type Keyring } from "@tollgate/api/keyring/keyring";
import { openWake, type Wake } from "@tollgate/api/log/wake";
import { replicaProjection } from "@tollgate/api/projections/replica";
import { startProjections, type Projections } from "@tollgate/api/projections/runner";
import { provisionsService } from "@tollgate/api/provisions/provisions-service";
import { openRecordKeys, type RecordKeys } from "@tollgate/api/relay/record-keys";
import { startRelay, type Relay } from "@tollgate/api/relay/relay";
import { recordOf } from "@tollgate/api/sync/records";
import { createDigests } from "@tollgate/api/sync/digests";
import { createEvidence } from "@tollgate/api/sync/evidence";
import { syncService } from "@tollgate/api/sync/sync-service";
import { typeNamed } from "@tollgate/kernel/catalogue";
import { apply, digest, empty } from "@tollgate/kernel/replica";
import {
  AdminTokenIssuedSchema,
  KeyIssuedSchema,
  KeyRevokedSchema,
  ServerRegisteredSchema,
  TeamCreatedSchema,
} from "@tollgate/schema/events";
import type { Way } from "@tollgate/proxy/grpc";
import { Provisions } from "@tollgate/schema/provisions";
import { Sync } from "@tollgate/schema/sync";
import { createDatabase } from "../support/database.ts";
import { socketDoor, type SocketDoor } from "../support/socket-door.ts";

/** The same in every process of a suite. */
export const masterKey: Uint8Array = Buffer.alloc(32, "a master key for tests");

export type NewEvent = { stream: string; event: Message };

export type Planes = AsyncDisposable & {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly way: Way;
  readonly kafkaBrokers: readonly string[];
  /** What the control plane called a bug or a problem. */
  readonly problems: string[];
  /** What the relay signs with. */
  readonly recordKeys: RecordKeys;
  readonly keyring: Keyring;
  /** In one transaction; answers its commit. */
  append(...events: NewEvent[]): Promise<bigint>;
  /** The fold of the whole log: what every proxy must come to hold. */
  truth(): Promise<Truth>;
  startDoor(): Promise<void>;
  stopDoor(): Promise<void>;
  startRelay(): void;
  stopRelay(): Promise<void>;
};

export type Truth = { position: bigint; digests: Record<string, string> };

export async function openPlanes(name: string, kafkaBrokers: readonly string[] = []): Promise<Planes> {
  const own = await createDatabase(name);
  const database = await openDatabase({ url: own.url });
  const wake = await openWake(database);
  const projections = await startProjections({ database, wake, projections: [replicaProjection] });
  const socket = socketDoor();
  const problems: string[] = [];
  const onProblem = (problem: unknown): void => void problems.push(String(problem));
  const keyring = openKeyring({ database, masterKey, nowMs: Date.now });
  const recordKeys = openRecordKeys(keyring, Date.now);
  const relaying =
    kafkaBrokers.length === 0 ? undefined : relayOn({ database, wake, kafkaBrokers, recordKeys, onProblem });
  const door = doorOn({ database, wake, projections, keyring, socket, onProblem });
  const versions = new Map<string, number>();
  await door.start();
  relaying?.start();
  return {
    database,
    databaseUrl: own.url,
    way: socket.way(),
    kafkaBrokers,
    problems,
    recordKeys,
    keyring,
    append: (...events) => database.transaction((sql) => append(sql, events.map(logged(versions)))),
    truth: () => fold(database),
    startDoor: door.start,
    stopDoor: door.stop,
    startRelay: () => relaying?.start(),
    stopRelay: async () => relaying?.stop(),
    async [Symbol.asyncDispose]() {
      await relaying?.close();
      await door.stop();
      socket.remove();
      await projections.close();
      await wake.close();
      await database.close();
      await own.drop();
    },
  };
}

type Parts = { database: Database; wake: Wake; onProblem: (problem: unknown) => void };

type DoorParts = Parts & { projections: Projections; keyring: Keyring; socket: SocketDoor };

function doorOn({ socket, onProblem, keyring, ...parts }: DoorParts) {
  let server: GrpcServer | undefined;
  return {
    async start() {
      const services = [
        serve(
          Sync,
          syncService({
            ...parts,
            keyring,
            nowMs: Date.now,
            evidence: createEvidence({ error: onProblem }),
            digests: createDigests({ ...parts, onProblem }),
          }),
        ),
        serve(Provisions, provisionsService(parts.database, keyring)),
      ];
      server = await startGrpcServer({ ...socket.server, services, onBug: onProblem });
    },
    async stop() {
      await server?.stop();
      server = undefined;
    },
  };
}

type RelayingParts = Parts & { kafkaBrokers: readonly string[]; recordKeys: RecordKeys };

function relayOn({ kafkaBrokers, onProblem, ...parts }: RelayingParts) {
  const kafka = openKafka({ brokers: kafkaBrokers, clientId: "control-plane", onProblem });
  let relay: Relay | undefined;
  const stop = async (): Promise<void> => {
    await relay?.stop();
    relay = undefined;
  };
  return {
    start: () =>
      void (relay = startRelay({ ...parts, kafka, nowMs: Date.now, onProblem, mayWrite: () => Promise.resolve() })),
    stop,
    async close() {
      await stop();
      await kafka.close();
    },
  };
}

function logged(versions: Map<string, number>) {
  return ({ stream, event }: NewEvent) => {
    const version = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    return toLogged({ stream, version, event }, { actor: "system/spec", timeMs: Date.now() });
  };
}

async function fold({ sql }: Database): Promise<Truth> {
  let replica = empty();
  const records = [];
  for (let after = 0n; ;) {
    const page = await readLog(sql, after, 1_000);
    const last = page.at(-1);
    if (!last) break;
    records.push(...page.map(recordOf));
    after = last.position;
  }
  replica = apply(replica, records);
  const digests = [...replica.kinds.keys()].map((kind) => [kind, Buffer.from(digest(replica, kind)).toString("hex")]);
  return { position: replica.position, digests: Object.fromEntries(digests) };
}

export function team(id: string): NewEvent {
  return named("team", id, create(TeamCreatedSchema, { team: { id, name: id } }));
}

export function key(id: string, tools: readonly string[] = []): NewEvent {
  return named("key", id, create(KeyIssuedSchema, { key: { id, name: id, teamId: "t", tools: [...tools] } }));
}

export function revoked(id: string): NewEvent {
  return named("key", id, create(KeyRevokedSchema, { key: { id, name: id, teamId: "t" } }));
}

export function server(id: string): NewEvent {
  return named("server", id, create(ServerRegisteredSchema, { server: { id, name: id, url: "http://localhost/" } }));
}

/** An event that proxies do not get the body of. */
export function adminToken(id: string): NewEvent {
  return named("admin-token", id, create(AdminTokenIssuedSchema, { adminToken: { id, name: id } }));
}

function named(kind: string, id: string, event: Message): NewEvent {
  return { stream: `${typeNamed(event.$typeName).stream === kind ? kind : "wrong"}/${id}`, event };
}
