// How proxies reach the gRPC server: over a Unix socket that only the same user can open, or over TLS. There is no plain
// text over TCP. TLS is ended here and not by grpc-js, which says nothing of a handshake that failed: a stranger at the
// door has to be counted. A client certificate is asked for and not demanded, because a proxy that joins has none yet; who
// shows none meets a server with narrow bounds, for a short time, and gives way when too many are at the door.

import { chmodSync, lstatSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { ServerCredentials, type Server } from "@grpc/grpc-js";
import { keepFewStrangers, type StrangerBounds } from "./grpc-strangers.ts";

export type SocketDoor = { kind: "socket"; path: string };

export type TlsDoor = {
  kind: "tls";
  host: string;
  port: number;
  /** PEM: our chain and key, and the authority of client certificates. */
  identity: SecureContextOptions;
  /** Somebody who speaks no TLS, or another one. */
  onStranger: (about: { reason: string; from: string | undefined }) => void;
  bounds?: DoorBounds;
};

/** Strangers are of the connections too, and the lesser part. */
export type DoorBounds = StrangerBounds & { connectionsMax: number };

/** Whoever connects over a socket, or with a certificate of our authority, meets `proxies`. */
export type DoorServers = { proxies: Server; strangers: Server };

export type Door = SocketDoor | TlsDoor;

export type OpenDoor = {
  /** Undefined of a socket. */
  port: number | undefined;
  /** What connects from now on meets this identity. */
  renew(identity: SecureContextOptions): void;
  close(): void;
};

const handshakeMsMax = 10_000;
const usualBounds: DoorBounds = { connectionsMax: 10_000, strangersMax: 500, strangerMsMax: 30_000 };

export function openDoor(servers: DoorServers, door: Door): Promise<OpenDoor> {
  return door.kind === "socket" ? openSocket(servers.proxies, door) : openTls(servers, door);
}

async function openSocket(server: Server, { path }: SocketDoor): Promise<OpenDoor> {
  keepToOurselves(dirname(path));
  if (isThere(path)) rmSync(path);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(new Error(`gRPC cannot listen on the socket ${path}: ${error.message}`, { cause: error }));
      else resolve();
    });
  });
  chmodSync(path, 0o600);
  return { port: undefined, renew: () => undefined, close: () => rmSync(path, { force: true }) };
}

/** What protects the socket in the moment before it has its own mode. A directory that is not ours to change is refused. */
function keepToOurselves(directory: string): void {
  if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) return;
  const mode = statSync(directory).mode & 0o777;
  if ((mode & 0o077) !== 0)
    throw new ConfigProblem(
      `TOLLGATE_GRPC_SOCKET lies in ${directory}, which is open to other users (mode ${mode.toString(8)}): it needs a directory of its own, with mode 700`,
    );
}

/** A socket that a former process left when it was killed; anything else of that name is somebody's. */
function isThere(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isSocket()) throw new ConfigProblem(`TOLLGATE_GRPC_SOCKET: ${path} is there and is no socket`);
  return found !== undefined;
}

async function openTls(servers: DoorServers, door: TlsDoor): Promise<OpenDoor> {
  const { host, port, identity, onStranger, bounds = usualBounds } = door;
  const injectorOf = (server: Server) => server.createConnectionInjector(ServerCredentials.createInsecure());
  const proxies = injectorOf(servers.proxies);
  const strangers = injectorOf(servers.strangers);
  const listening = createServer({
    ...identity,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
    ALPNProtocols: ["h2"],
    handshakeTimeout: handshakeMsMax,
  });
  listening.maxConnections = bounds.connectionsMax;
  const few = keepFewStrangers(bounds);
  listening.on("connection", few.add);
  listening.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    if (socket.authorized) few.clear(socket);
    (socket.authorized ? proxies : strangers).injectConnection(socket);
  });
  listening.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    // Who connects and leaves without a word is a probe.
    if (error.code !== "ECONNRESET") onStranger({ reason: error.code ?? error.message, from: socket.remoteAddress });
  });
  await new Promise<void>((resolve, reject) => {
    listening.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? `port ${port} is in use (on ${host})` : undefined;
      reject(new Error(reason ?? `gRPC cannot listen on ${host}:${port}: ${error.message}`, { cause: error }));
    });
    listening.listen(port, host, resolve);
  });
  const address = listening.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    // What is not said with the new certificate would be as Node has it.
    renew: (newer) => listening.setSecureContext({ ...newer, minVersion: "TLSv1.3" }),
    close: () => void listening.close(),
  };
}
