// A door for proxies in tests that are about what goes through it: a Unix socket of its own and a token for it, as both
// ends want them. Tests about who is let in open their own.
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { admitByToken } from "@tollgate/api/enrolment/admission";
import type { GrpcServerOptions } from "@tollgate/api/grpc-server";
import type { Way } from "@tollgate/proxy/grpc";

export interface SocketDoor {
  /** For the server. */
  readonly server: Pick<GrpcServerOptions, "door" | "admit">;
  /** For the client, with this token or another. */
  way(token?: string): Way;
  remove(): void;
}

export function socketDoor(): SocketDoor {
  const path = join(tmpdir(), `tollgate-${randomUUID()}`, "grpc.sock");
  const right = randomUUID();
  return {
    server: { door: { kind: "socket", path }, admit: admitByToken(right) },
    way: (token = right) => ({ kind: "socket", url: `unix:${path}`, token }),
    remove: () => rmSync(dirname(path), { recursive: true, force: true }),
  };
}
