// Which proxies may hold certificates: enrolled under an id that they made themselves, with one key pair for good, and
// revoked. An id that was enrolled is enrolled for its key alone: with another key it is somebody else's, and what was
// revoked does not come back. Certificates come and go without an event.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { scopeOf } from "@tollgate/kernel/ids";
import {
  ProxyEnrolledSchema,
  ProxyRevokedSchema,
  type ProxyEnrolled,
  type ProxyRevoked,
} from "@tollgate/schema/events";
import type { EnrolledProxy } from "@tollgate/schema/resources";
import type { AlreadyExists, AlreadyRevoked, NotFound } from "../refusals.ts";

export type ProxyCommand =
  | {
      kind: "enrol";
      id: string;
      keySha256: Uint8Array;
      joinTokenId: string;
      environment: string;
      region: string;
      timeMs: number;
    }
  | { kind: "revoke"; id: string; timeMs: number };

export type ProxyEvent = ProxyEnrolled | ProxyRevoked;
export type ProxyRefusal = NotFound | AlreadyExists | AlreadyRevoked;

export const proxyDecider: Decider<EnrolledProxy | undefined, ProxyCommand, ProxyEvent, ProxyRefusal> = {
  stream: "proxy",
  initial: undefined,
  evolve: (_, event) => event.proxy,
  decide(command, proxy) {
    const scope = scopeOf("proxy", command.id);
    if (proxy?.revokedAtMs !== undefined)
      return refuse({ kind: "already-revoked", revokedAtMs: Number(proxy.revokedAtMs) });
    switch (command.kind) {
      case "enrol": {
        if (proxy && !isSame(proxy.keySha256, command.keySha256)) return refuse({ kind: "already-exists", scope });
        if (proxy) return accept([]);
        const { id, keySha256, joinTokenId, environment, region, timeMs } = command;
        const enrolled = { id, keySha256, joinTokenId, environment, region, enrolledAtMs: BigInt(timeMs) };
        return accept([create(ProxyEnrolledSchema, { proxy: enrolled })]);
      }
      case "revoke": {
        if (!proxy) return refuse({ kind: "not-found", scope });
        return accept([create(ProxyRevokedSchema, { proxy: { ...proxy, revokedAtMs: BigInt(command.timeMs) } })]);
      }
      default:
        return assertNever(command);
    }
  },
};

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
