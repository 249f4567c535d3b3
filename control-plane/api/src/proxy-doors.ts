// The doors for proxies that this process opens, each with a gRPC server of its own, because what counts at one of them
// counts for nothing at the other: the socket of an embedded plane with its token of this boot, the port with TLS and
// certificates. The server's own certificate is renewed here while it runs; one that was brought is read again, because
// whoever brings it renews it.

import { readFile } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import type { Config } from "./config.ts";
import type { Database } from "./database.ts";
import { admitByCertificate, admitByToken } from "./enrolment/admission.ts";
import { serverCertificateMs, type Authority } from "./enrolment/authority.ts";
import type { Revocations } from "./enrolment/revocations.ts";
import type { GrpcRefusals } from "./grpc-refusals.ts";
import { startGrpcServer, type GrpcServer, type GrpcServerOptions } from "./grpc-server.ts";

export type ProxyDoorsParts = {
  config: Pick<Config, "host" | "grpcPort" | "grpcSocket" | "tls">;
  database: Pick<Database, "sql">;
  authority: Pick<Authority, "pem" | "serverIdentity">;
  revocations: Revocations;
  refusals: GrpcRefusals;
  services: GrpcServerOptions["services"];
  nowMs: () => number;
  onBug: (error: unknown) => void;
  onProblem: (error: unknown) => void;
};

export type ProxyDoors = {
  /** Addresses as a proxy is told them. */
  urls: { grpc?: string; socket?: string };
  stop(): Promise<void>;
};

const broughtAgainMs = 3_600_000;

export async function openProxyDoors(parts: ProxyDoorsParts): Promise<ProxyDoors> {
  const { config, refusals, services, onBug } = parts;
  const common = { services, onBug, onRefused: refusals.refused };
  const servers: GrpcServer[] = [];
  const urls: ProxyDoors["urls"] = {};
  let renewal: NodeJS.Timeout | undefined;
  if (config.grpcSocket !== undefined) {
    const { path, token } = config.grpcSocket;
    servers.push(await startGrpcServer({ ...common, door: { kind: "socket", path }, admit: admitByToken(token) }));
    urls.socket = `unix:${path}`;
  }
  if (config.grpcPort !== undefined) {
    const { host, grpcPort: port } = config;
    const identity = await identityOf(parts);
    const door = { kind: "tls", host, port, identity, onStranger: refusals.stranger } as const;
    const server = await startGrpcServer({ ...common, door, admit: admitByCertificate(parts) });
    servers.push(server);
    urls.grpc = `https://${host.includes(":") ? `[${host}]` : host}:${server.port}`;
    const again = (): void => void identityOf(parts).then(server.renew).catch(parts.onProblem);
    renewal = setInterval(again, config.tls ? broughtAgainMs : serverCertificateMs / 5).unref();
  }
  return {
    urls,
    async stop() {
      clearInterval(renewal);
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function identityOf({ config: { tls, host }, authority }: ProxyDoorsParts): Promise<SecureContextOptions> {
  const own = tls ? await broughtIdentity(tls) : await authority.serverIdentity(["localhost", "127.0.0.1", host]);
  return { ...own, ca: authority.pem };
}

async function broughtIdentity(files: { cert: string; key: string }): Promise<{ cert: string; key: string }> {
  const read = (name: string, path: string): Promise<string> =>
    readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
      throw new ConfigProblem(`${name}: ${path} cannot be read (${cause.code ?? cause.message})`, { cause });
    });
  return { cert: await read("TOLLGATE_TLS_CERT", files.cert), key: await read("TOLLGATE_TLS_KEY", files.key) };
}
