// A channel host: makes servers that speak MCP over standard streams or HTTP+SSE look like ones that speak Streamable HTTP,
// on a Unix socket, a path each. It is told all registrations at once, whenever they change: what stayed the same goes on,
// what changed is replaced while calls finish, what is gone ends. It runs in one process for all workers of a proxy, keeps
// nothing on disk, and leaves no child behind, not even when it is killed.

import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { dirname } from "node:path";
import type { Log } from "../log-output.ts";
import type { Channel, ChannelEvents } from "./channel.ts";
import { createFront } from "./front.ts";
import { startKeeper, type Keeper } from "./keeper.ts";
import { channelLimits, type ChannelLimits } from "./limits.ts";
import { isSame, type ChannelServer, type ChannelState } from "./registration.ts";
import { createSaidLines } from "./said-lines.ts";
import { Serving } from "./serving.ts";
import { openSseChannel } from "./sse-channel.ts";
import { openStdioChannel } from "./stdio-channel.ts";

export type ChannelHost = {
  /** Everything that is registered now. */
  replace(servers: readonly ChannelServer[]): void;
  /** By the servers' ids. */
  states(): ReadonlyMap<string, ChannelState>;
  /** Ends all calls and all children. */
  close(): Promise<void>;
};

export type ChannelHostParts = {
  /** In a directory that is for our user alone; it is made where it is missing. */
  socketPath: string;
  /** What every program gets beside its own environment. */
  inherited: ReadonlyMap<string, string>;
  log: Log;
  /** A clock that only goes forward. */
  nowMs?: () => number;
  random?: () => number;
  limits?: Partial<ChannelLimits>;
};

const expireEveryMsMax = 5_000;

export async function openChannelHost(parts: ChannelHostParts): Promise<ChannelHost> {
  const { socketPath, inherited, log, nowMs = () => performance.now(), random = Math.random } = parts;
  const limits = { ...channelLimits, ...parts.limits };
  const current = new Map<string, Serving>();
  const retired = new Map<Serving, Promise<void>>();
  const keeper = startKeeper(log);
  let isClosed = false;

  function open(server: ChannelServer): Serving {
    const said = createSaidLines({ name: server.name, hidden: secretsOf(server), limits, log, nowMs });
    return new Serving({
      ...{ server, said, limits, nowMs, random },
      open: (registered, events) => openChannel(registered, { inherited, keeper, limits }, events),
      onEnded: ({ code, message }) =>
        log.warn({ server: server.name, code, reason: message }, "a server's channel ended by itself"),
    });
  }

  function letGo(serving: Serving, end: Promise<void>): void {
    current.delete(serving.server.id);
    retired.set(
      serving,
      end.finally(() => retired.delete(serving)),
    );
  }

  const front = createFront({
    serving: (id) => current.get(id),
    session(serverId, id) {
      const of = [...retired.keys()].filter(({ server }) => server.id === serverId);
      for (const serving of [current.get(serverId), ...of]) {
        const session = serving?.session(id);
        if (serving !== undefined && session !== undefined) return { serving, session };
      }
      return undefined;
    },
    limits,
    log,
  });
  await listen(front, socketPath);
  const expiring = setInterval(
    () => {
      for (const serving of [...current.values(), ...retired.keys()]) serving.expire();
    },
    Math.min(expireEveryMsMax, limits.sessionIdleMsMax),
  );

  return {
    replace(servers) {
      if (isClosed) return;
      const wanted = new Map(servers.map((server) => [server.id, server]));
      for (const [id, serving] of current) if (!wanted.has(id)) letGo(serving, serving.close());
      for (const server of wanted.values()) {
        const before = current.get(server.id);
        if (before !== undefined && isSame(before.server, server)) continue;
        if (before !== undefined) letGo(before, before.retire());
        current.set(server.id, open(server));
      }
    },
    states: () => new Map([...current].map(([id, serving]) => [id, serving.state()])),
    async close() {
      isClosed = true;
      clearInterval(expiring);
      const closed = new Promise((resolve) => front.close(resolve));
      await Promise.all([...current.values(), ...retired.keys()].map((serving) => serving.close()));
      front.closeAllConnections();
      await closed;
      keeper.close();
    },
  };
}

type Opening = { inherited: ReadonlyMap<string, string>; keeper: Keeper; limits: ChannelLimits };

function openChannel(server: ChannelServer, { inherited, keeper, limits }: Opening, events: ChannelEvents): Channel {
  if (server.transport === "sse") {
    const { url = "", headers, allowPrivateNetwork } = server;
    return openSseChannel({ url, headers, allowPrivateNetwork }, limits, events);
  }
  const { command, workingDirectory } = server;
  const environment = new Map([...inherited, ...server.environment]);
  return openStdioChannel({ command, environment, workingDirectory }, { keeper, limits }, events);
}

/** What a program could print of what only it shall know. */
function secretsOf({ environment, headers }: ChannelServer): string[] {
  return [...environment.values(), ...headers.filter((_, index) => index % 2 === 1)];
}

async function listen(front: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // A former process that was killed left it.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
  await new Promise<void>((resolve, reject) => {
    front.once("error", reject);
    front.listen(path, () => {
      front.off("error", reject);
      resolve();
    });
  });
  chmodSync(path, 0o600);
}
