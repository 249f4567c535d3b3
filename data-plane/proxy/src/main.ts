// The proxy's entry, for the primary, its workers and its watcher of servers: reads the configuration, opens the log, and runs the half that
// this process is. A bad configuration is one sentence and exit code 2; what cannot be handled is logged and ends with 1.

import cluster from "node:cluster";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { loadConfig, redacted, type Config } from "./config.ts";
import { makeGlobalsValues } from "./globals.ts";
import { setPrimaryHeap } from "./heap.ts";
import { openLog, type Log } from "./log-output.ts";
import { runPrimary } from "./primary.ts";
import { runWatcher } from "./watcher.ts";
import { watcherArgument } from "./watcher-process.ts";
import { runWorker } from "./worker.ts";

function configOrExit(): Config {
  try {
    return loadConfig();
  } catch (error) {
    return endOnConfiguration(error);
  }
}

function endOnConfiguration(error: unknown): never {
  if (!(error instanceof ConfigProblem)) throw error;
  process.stderr.write(`The proxy's configuration is wrong: ${error.message}.\n`);
  process.exit(2);
}

function endOn(log: Log): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const)
    process.on(event, (error: unknown) => {
      log.error({ err: error }, "a bug ended the process");
      process.exit(1);
    });
}

makeGlobalsValues();
const config = configOrExit();
if (process.argv[2] === watcherArgument) {
  const log = openLog(config.logLevel, { process: "proxy-watcher" });
  endOn(log);
  runWatcher(config, log);
} else if (cluster.isPrimary) {
  setPrimaryHeap();
  const log = openLog(config.logLevel, { process: "proxy" });
  endOn(log);
  log.info({ config: redacted(config) }, "the proxy starts");
  await runPrimary(config, log).catch(endOnConfiguration);
} else {
  const log = openLog(config.logLevel, { process: "proxy-worker", worker: cluster.worker?.id });
  endOn(log);
  runWorker(config, log);
}
