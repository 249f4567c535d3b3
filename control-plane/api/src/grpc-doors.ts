// How proxies reach the gRPC server: over a Unix socket that only the same user can open, or over TLS. There is no plain
// text over TCP. TLS is ended here and not by grpc-js, which says nothing of a handshake that failed: a stranger at the
// door has to be counted. A client certificate is asked for and not demanded, because a proxy that joins has none yet; who
// must show one is decided a call at a time.

import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import { ServerCredentials, type Server } from "@grpc/grpc-js";

export type SocketDoor = { kind: "socket"; path: string };

export type TlsDoor = {
  kind: "tls";
  host: string;
  port: number;
  /** PEM: our chain and key, and the authority of client certificates. */
  identity: SecureContextOptions;
  /** Somebody who speaks no TLS, or another one. */
  onStranger: (about: { reason: string; from: string | undefined }) => void;
};

export type Door = SocketDoor | TlsDoor;

export type OpenDoor = {
  /** Undefined of a socket. */
  port: number | undefined;
  /** What connects from now on meets this identity. */
  renew(identity: SecureContextOptions): void;
  close(): void;
};

const handshakeMsMax = 10_000;

export function openDoor(server: Server, door: Door): Promise<OpenDoor> {
  return door.kind === "socket" ? openSocket(server, door) : openTls(server, door);
}

async function openSocket(server: Server, { path }: SocketDoor): Promise<OpenDoor> {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // What protects the socket in the moment before it has its own mode.
  chmodSync(directory, 0o700);
  // A former process that was killed left it behind.
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(new Error(`gRPC cannot listen on the socket ${path}: ${error.message}`, { cause: error }));
      else resolve();
    });
  });
  chmodSync(path, 0o600);
  return { port: undefined, renew: () => undefined, close: () => rmSync(path, { force: true }) };
}

async function openTls(server: Server, { host, port, identity, onStranger }: TlsDoor): Promise<OpenDoor> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listening = createServer({
    ...identity,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
    ALPNProtocols: ["h2"],
    handshakeTimeout: handshakeMsMax,
  });
  listening.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    injector.injectConnection(socket);
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
    renew: (newer) => listening.setSecureContext(newer),
    close: () => void listening.close(),
  };
}
