// The process that knows the servers: it watches all that are registered, says what they have and how they are, and holds the
// child processes and connections of those that do not speak Streamable HTTP. One a proxy, so that a server is asked once
// and not by each worker, and so that one that floods or talks nonsense holds up no call of another. It is told by the
// primary what a worker is told, serves no client, and ends with the primary.

import { inheritedByPrograms, type Config } from "./config.ts";
import { openChannelHost, type ChannelHost } from "./channels/host.ts";
import { createReplicaHolder } from "./feed/replica-holder.ts";
import type { FromWatcher, ToWatcher } from "./ipc.ts";
import type { Log } from "./log-output.ts";
import { channelServers } from "./mcp/catalogue/channel-servers.ts";
import { createWatchers, type Watchers } from "./mcp/catalogue/watchers.ts";
import { createDeadlines } from "./upstream/deadlines.ts";
import { createSecretValues } from "./upstream/secret-values.ts";
import { createUpstreams, type Upstreams } from "./upstream/upstreams.ts";

/** Programs get this long to end by themselves. */
const closeMsMax = 6_500;

export function runWatcher(config: Config, log: Log): void {
  const replica = createReplicaHolder();
  const secrets = createSecretValues();
  let running: { host: ChannelHost; watchers: Watchers; upstreams: Upstreams } | undefined;

  async function start(channelSocket: string): Promise<void> {
    const host = await openChannelHost({ socketPath: channelSocket, inherited: inheritedByPrograms(), log });
    const upstreams = createUpstreams(secrets, channelSocket);
    const watchers = createWatchers({
      ...{ upstreams, log, limits: config, deadlines: createDeadlines(), wallMs: Date.now },
      onCatalogue: (catalogue) => tell({ kind: "catalogue", catalogue }),
      onRetired: (serverIds) => tell({ kind: "catalogues", serverIds }),
    });
    running = { host, watchers, upstreams };
    follow();
  }

  function follow(): void {
    const view = replica.view();
    if (view === undefined || running === undefined) return;
    // The program first: who watches it finds it there.
    running.host.replace(channelServers(view, secrets));
    running.upstreams.keepOnly(view);
    running.watchers.follow(view);
  }

  async function end(): Promise<void> {
    setTimeout(() => process.exit(1), closeMsMax).unref();
    running?.watchers.close();
    await running?.host.close();
    process.exit(0);
  }

  function receive(message: ToWatcher): void {
    switch (message.kind) {
      case "start":
        return void start(message.channelSocket);
      case "feed":
        replica.apply(message.message);
        return message.message.kind === "tick" ? undefined : follow();
      case "secrets":
        secrets.replace(message.secrets);
        follow();
        return running?.watchers.tryAgain();
      case "suspect":
        return running?.watchers.suspect(message.serverId);
      case "end":
        return void end();
    }
  }

  // The primary decides when to stop; a terminal's Ctrl-C reaches the whole group.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  process.on("disconnect", () => void end());
  // Only the primary of this same program is at the other end.
  process.on("message", (message) => receive(message as ToWatcher));
}

function tell(message: FromWatcher): void {
  if (process.connected) process.send?.(message);
}
