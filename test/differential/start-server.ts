// Starts a real server (servers.ts) in a folder that it has to itself, and connects a raw client, over either transport. The
// folder has the same path each time, because servers name it in their answers; so one name is one server at a time.
import { mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/ports.ts";
import { startProcess } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { scriptOf } from "./install.ts";
import type { RawClient } from "./raw-client.ts";
import { connectByHttp } from "./raw-http.ts";
import { connectByStdio, type StdioServer } from "./raw-stdio.ts";
import type { RealServer } from "./servers.ts";

export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** As it was at first, while programs are in it. */
  restore(): Promise<void>;
}

/** Empty but for what the server wants to find; it goes with the scope. */
export async function freshFolder(server: RealServer): Promise<Folder> {
  const path = join(tmpdir(), `tollgate-differential-${process.pid}-${server.name}`);
  const remove = (name = ""): Promise<void> => rm(join(path, name), { recursive: true, force: true });
  const restore = async (): Promise<void> => {
    for (const name of await readdir(path)) await remove(name);
    await server.prepare?.(path);
  };
  await remove();
  await mkdir(path);
  await restore();
  return { path, restore, [Symbol.asyncDispose]: () => remove() };
}

/** How the server is started on stdio, by whoever starts it. */
export async function programOf(server: RealServer, folder: string): Promise<Omit<StdioServer, "name">> {
  return {
    command: process.execPath,
    args: [await scriptOf(server.package, server.bin), ...(server.args?.(folder) ?? [])],
    env: { HOME: folder, ...server.env?.(folder) },
    cwd: folder,
  };
}

export async function startOnStdio(server: RealServer, folder: string): Promise<RawClient> {
  return connectByStdio({ name: server.name, ...(await programOf(server, folder)) });
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
