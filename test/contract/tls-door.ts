// The control plane's door with certificates, as its composition root opens it, on a real PostgreSQL: its authority, join
// tokens issued by hand, and proxies that join as the real ones do. Two clocks can be moved: the one that certificates are
// issued by, and the one that they are looked at by. Behind the door is a service that says who called.

import { mkdtempSync, rmSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase, type Database } from "@tollgate/api/database";
import { admitByCertificate } from "@tollgate/api/enrolment/admission";
import { openAuthority, type Authority } from "@tollgate/api/enrolment/authority";
import { enrolmentService } from "@tollgate/api/enrolment/enrolment-service";
import { openRevocations } from "@tollgate/api/enrolment/revocations";
import type { DoorBounds } from "@tollgate/api/grpc-doors";
import { serve, startGrpcServer, type Caller, type ServiceMethods } from "@tollgate/api/grpc-server";
import { newJoinToken } from "@tollgate/api/join-tokens/join-token-text";
import { joinTokenDecider } from "@tollgate/api/join-tokens/join-token.decider";
import { handle } from "@tollgate/api/log/handle";
import { openWake } from "@tollgate/api/log/wake";
import { proxyDecider } from "@tollgate/api/proxies/proxy.decider";
import { openCredentials, type Credentials } from "@tollgate/proxy/enrolment/credentials";
import { keepMembership, serverName } from "@tollgate/proxy/enrolment/membership";
import { openControlPlane, type CallerIdentity, type ControlPlane } from "@tollgate/proxy/grpc";
import { Enrolment } from "@tollgate/schema/provisions";
import { Sync } from "@tollgate/schema/sync";
import { newCaller } from "../support/caller.ts";
import { createDatabase } from "../support/database.ts";

export interface JoiningProxy {
  readonly caller: CallerIdentity;
  readonly credentials: Credentials;
  readonly control: ControlPlane;
  /** How often it has got a certificate. */
  readonly certificates: () => number;
  readonly problems: unknown[];
  close(): void;
}

export interface TlsDoor extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly database: Database;
  readonly authority: Authority;
  /** Codes that callers were refused with, and reasons of those who did not come as far. */
  readonly refused: string[];
  readonly called: Caller[];
  issuedAgoMs(ms: number): void;
  passMs(ms: number): void;
  token(options?: { usesMax?: number }): Promise<string>;
  revoke(proxyId: string): Promise<void>;
  /** Begins to join; with `as`, under that id. */
  proxy(joinToken: string, as?: { caller?: CallerIdentity; directory?: string; trusted?: string }): JoiningProxy;
  directory(): string;
}

export interface TlsDoorOptions {
  readonly certificateMs?: number;
  /** PEM, in place of what the authority makes for the server. */
  readonly brought?: { readonly cert: string; readonly key: string };
  readonly bounds?: DoorBounds;
}

export async function openTlsDoor(name: string, options: TlsDoorOptions = {}): Promise<TlsDoor> {
  const { certificateMs = 3_600_000, brought, bounds } = options;
  await using resources = new AsyncDisposableStack();
  const own = await createDatabase(name);
  resources.defer(() => own.drop());
  const database = await openDatabase({ url: own.url });
  resources.defer(() => database.close());
  const wake = await openWake(database);
  resources.defer(() => wake.close());
  let agoMs = 0;
  let passedMs = 0;
  const masterKey = randomBytes(32);
  const issuingMs = (): number => Date.now() - agoMs;
  const authority = await openAuthority({ database, masterKey, nowMs: issuingMs, certificateMs });
  const revocations = await openRevocations(database.sql, wake);
  resources.defer(() => revocations.close());
  const refused: string[] = [];
  const called: Caller[] = [];
  const server = await startGrpcServer({
    door: {
      ...{ kind: "tls", host: "localhost", port: 0, ...(bounds && { bounds }) },
      identity: { ...(brought ?? (await authority.serverIdentity([]))), ca: authority.pem },
      onStranger: ({ reason }) => refused.push(reason),
    },
    admit: admitByCertificate({ database, revocations, nowMs: () => Date.now() + passedMs }),
    services: [
      serve(Enrolment, enrolmentService({ database, authority, nowMs: Date.now }), ["join"]),
      serve(Sync, saysWhoCalled(called)),
    ],
    onBug: (bug) => refused.push(String(bug)),
    onRefused: (code) => refused.push(code),
  });
  resources.defer(() => server.stop());
  const meta = () => ({ actor: "system/spec", timeMs: Date.now() });
  const moved = resources.move();
  const port = server.port ?? 0;
  const url = `https://localhost:${port}`;

  function directory(): string {
    const path = mkdtempSync(join(tmpdir(), "tollgate-joining-"));
    moved.defer(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  return {
    ...{ url, port, database, authority, refused, called, directory },
    issuedAgoMs: (ms) => void (agoMs = ms),
    passMs: (ms) => void (passedMs += ms),
    async token({ usesMax = 1 } = {}) {
      const { id, text, sha256 } = newJoinToken({ randomBytes, authority });
      const about = { id, name: id, sha256, usesMax, environment: "", expiresAtMs: undefined, timeMs: Date.now() };
      await handle(database, { decider: joinTokenDecider, id, command: { kind: "issue", ...about } }, meta());
      return text;
    },
    async revoke(id) {
      await handle(
        database,
        { decider: proxyDecider, id, command: { kind: "revoke", id, timeMs: Date.now() } },
        meta(),
      );
    },
    proxy(joinToken, { caller = newCaller(), directory: path = directory(), trusted } = {}) {
      const credentials = openCredentials({ directory: path, proxyId: caller.proxyId, trusted });
      const { context } = credentials;
      const control = openControlPlane({ kind: "tls", url, context, ...serverName(trusted) }, caller);
      let count = 0;
      const problems: unknown[] = [];
      const membership = keepMembership({
        ...{ controlUrl: url, caller, credentials, trusted, joinToken: () => joinToken, control },
        labels: { environment: "", region: "" },
        onCertificate() {
          count++;
          control.reconnect();
        },
        onRevoked: () => undefined,
        onProblem: (problem) => problems.push(problem),
      });
      const close = (): void => {
        membership.close();
        control.close();
      };
      moved.defer(close);
      return { caller, credentials, control, certificates: () => count, problems, close };
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

function saysWhoCalled(called: Caller[]): ServiceMethods<typeof Sync> {
  return {
    // Nothing here is about snapshots.
    async *snapshot() {},
    async *watch(_request, signal, caller) {
      called.push(caller);
      yield { tick: { head: 1n, timeMs: 1n } };
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    async report(_request, caller) {
      called.push(caller);
      return {};
    },
  };
}
