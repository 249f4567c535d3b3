// Starts a real server (servers.ts) in a folder that it has to itself, and connects a raw client, over either transport. The
// folder has the same path each time, because servers name it in their answers; so one name is one server at a time.
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/ports.ts";
import { startProcess } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { scriptOf } from "./install.ts";
import type { RawClient } from "./raw-client.ts";
import { connectByHttp } from "./raw-http.ts";
import { connectByStdio } from "./raw-stdio.ts";
import type { RealServer } from "./servers.ts";

/** Empty but for what the server wants to find; it goes with the scope. */
export async function freshFolder(server: RealServer): Promise<{ path: string } & AsyncDisposable> {
  const path = join(tmpdir(), `tollgate-differential-${process.pid}-${server.name}`);
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true });
  await remove();
  await mkdir(path);
  await server.prepare?.(path);
  return { path, [Symbol.asyncDispose]: remove };
}

export async function startOnStdio(server: RealServer, folder: string): Promise<RawClient> {
  return connectByStdio({
    name: server.name,
    command: process.execPath,
    args: [await scriptOf(server.package, server.bin), ...(server.args?.(folder) ?? [])],
    env: { HOME: folder, ...server.env?.(folder) },
    cwd: folder,
  });
}

export async function startOnHttp(server: RealServer, folder: string): Promise<RawClient> {
  const running = await serveOnHttp(server, folder);
  const client = connectByHttp({ url: running.url });
  return {
    ...client,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await running[Symbol.asyncDispose]();
    },
  };
}

/** For a client of the caller's own. A server that cannot serve HTTP is a mistake of the caller's. */
export async function serveOnHttp(server: RealServer, folder: string): Promise<{ url: string } & AsyncDisposable> {
  const { http } = server;
  if (http === undefined) throw new Error(`${server.name} serves no HTTP`);
  const port = await freePort();
  const running = await startProcess({
    name: server.name,
    args: [await scriptOf(server.package, server.bin), ...(http.args?.(port, folder) ?? [])],
    env: { HOME: folder, ...http.env?.(port, folder) },
    cwd: folder,
  });
  const url = `http://${http.host ?? "127.0.0.1"}:${port}/mcp`;
  try {
    // Any answer will do: it listens.
    const listens = async () => (await fetch(url, { method: "OPTIONS" })).status;
    await until(listens, { what: `${server.name} to listen`, timeoutMs: 30_000 });
  } catch (cause) {
    const said = running.log();
    await running[Symbol.asyncDispose]();
    throw new Error(`${server.name} does not listen; it said:\n${said}`, { cause });
  }
  return { url, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}
