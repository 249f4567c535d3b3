// The primary's side of the process that watches the servers: starts it, tells it what it must know, keeps what it found out
// for workers that come later, and starts another when it dies. What was known stays known meanwhile.

import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromWatcher, ToWatcher, ToWorker } from "./ipc.ts";
import type { Log } from "./log-output.ts";
import type { Catalogue } from "./mcp/catalogue/catalogue.ts";

export const watcherArgument = "--watcher";

export type WatcherProcessParts = {
  log: Log;
  channelSocket: string;
  /** Everything that it must know now, in order. */
  presentState: () => Iterable<ToWatcher>;
  onCatalogue: (message: ToWorker) => void;
};

export type WatcherProcess = {
  tell(message: ToWatcher): void;
  /** For a worker that begins. */
  catalogues(): readonly Catalogue[];
  close(): Promise<void>;
};

const pauseMsMin = 200;
const pauseMsMax = 10_000;
const steadyMs = 30_000;

export function startWatcherProcess({
  log,
  channelSocket,
  presentState,
  onCatalogue,
}: WatcherProcessParts): WatcherProcess {
  const known = new Map<string, Catalogue>();
  let child: ChildProcess | undefined;
  let pauseMs = pauseMsMin;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function start(): void {
    if (isClosed) return;
    const startedMs = performance.now();
    const entry = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "main.ts" : "main.js", import.meta.url));
    const started = fork(entry, [watcherArgument], { serialization: "advanced" });
    child = started;
    // Only the watcher of this same program is at the other end.
    started.on("message", (message) => receive(message as FromWatcher));
    started.on("error", (error) => log.error({ err: error }, "the channel to the watcher of servers failed"));
    started.once("exit", (code, signal) => {
      if (isClosed || child !== started) return;
      if (performance.now() - startedMs > steadyMs) pauseMs = pauseMsMin;
      log.error({ code, signal, pauseMs }, "the watcher of servers died and is replaced");
      timer = setTimeout(start, pauseMs);
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
    });
    for (const message of presentState()) started.send(message);
    started.send({ kind: "start", channelSocket } satisfies ToWatcher);
  }

  function receive(message: FromWatcher): void {
    switch (message.kind) {
      case "catalogue": {
        const { catalogue } = message;
        // A watcher that begins anew knows nothing yet: what the former knew is better.
        if (catalogue.era === undefined && known.get(catalogue.serverId)?.era !== undefined && isBeginning(catalogue))
          return;
        known.set(catalogue.serverId, catalogue);
        return onCatalogue({ kind: "catalogue", catalogue });
      }
      case "catalogues":
        for (const id of known.keys()) if (!message.serverIds.has(id)) known.delete(id);
        return onCatalogue(message);
    }
  }

  start();
  return {
    tell(message) {
      if (child?.connected === true) child.send(message);
    },
    catalogues: () => [...known.values()],
    async close() {
      isClosed = true;
      clearTimeout(timer);
      const ending = child;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const gone = new Promise((resolve) => ending.once("exit", resolve));
      if (ending.connected) ending.send({ kind: "end" } satisfies ToWatcher);
      else ending.kill("SIGKILL");
      await gone;
    },
  };
}

function isBeginning({ health }: Catalogue): boolean {
  return health.state === "connecting";
}
