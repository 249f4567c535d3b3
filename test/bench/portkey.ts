// Another gateway to models, from npm, as the benchmark needs it: on a port of its own, before a provider of the benchmark's. It is
// no dependency of the workspace; who asks for it first installs it (support/npm-packages.ts). Its streams do not work with
// the server library that npm would choose for it, so that one is pinned below (portkey/package.json).

import { join } from "node:path";
import { npmPackages } from "../support/npm-packages.ts";
import { freePorts } from "../support/ports.ts";
import { startProcess, type RunningProcess } from "../support/processes.ts";
import { until } from "../support/wait.ts";

export type Portkey = AsyncDisposable & { readonly origin: string; readonly pid: number };

/** Undefined where it cannot be had, which is said. */
export async function startPortkey(): Promise<Portkey | undefined> {
  const packages = await npmPackages(join(import.meta.dirname, "portkey"));
  if ("missing" in packages) {
    console.error(`Portkey was not measured: ${packages.missing}`);
    return undefined;
  }
  const script = join(packages.folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
  const [port = 0] = await freePorts(1);
  const running = await startProcess({ name: "Portkey", args: [script, `--port=${port}`, "--headless"] });
  const origin = `http://127.0.0.1:${port}`;
  await until(() => isUp(origin), { what: "Portkey to answer" });
  return portkeyOf(running, origin);
}

/** Which provider it shall call is in each request. */
export function portkeyHeaders(providerUrl: string): Record<string, string> {
  return { "x-portkey-provider": "anthropic", "x-portkey-custom-host": `${providerUrl}/v1` };
}

function portkeyOf(running: RunningProcess, origin: string): Portkey {
  return { origin, pid: running.pid, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

async function isUp(origin: string): Promise<boolean> {
  return fetch(origin).then(
    async (answer) => (await answer.text()) !== "",
    () => false,
  );
}
