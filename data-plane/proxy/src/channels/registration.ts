// What a channel host is told of a server, and what it tells of it. The registration is complete: secrets are values here,
// so it stays in memory and is written nowhere.

export type ChannelServer = {
  id: string;
  name: string;
  transport: "stdio" | "sse";
  /** argv, for stdio. */
  command: readonly string[];
  /** Complete values; of ours only a short list of harmless variables is inherited. */
  environment: ReadonlyMap<string, string>;
  workingDirectory: string | undefined;
  /** For sse, with the headers name after value. */
  url: string | undefined;
  headers: readonly string[];
  allowPrivateNetwork: boolean;
  /** One channel for all sessions, or one for each. */
  isolation: "shared" | "session";
};

/** A server is started by its first caller: `stopped` is also one that nobody has called yet. */
export type ChannelStatus = "starting" | "running" | "backing-off" | "stopped";

export type ChannelState = {
  readonly status: ChannelStatus;
  /** A sentence. */
  readonly reason: string;
  /** By the host's clock. */
  readonly sinceMs: number;
  /** How often it was started again after it had ended by itself. */
  readonly restarts: number;
  /** Programs, or event streams, that are there. */
  readonly channels: number;
  readonly sessions: number;
  /** Messages of the server that reached nobody: no messages, too late, or while nobody listened or listened fast enough. */
  readonly dropped: { readonly garbage: number; readonly late: number; readonly unheard: number };
  /** The newest lines beside the protocol. */
  readonly said: readonly string[];
};

export function isSame(one: ChannelServer, other: ChannelServer): boolean {
  return fingerprint(one) === fingerprint(other);
}

function fingerprint(server: ChannelServer): string {
  const environment = [...server.environment].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const { id, name, transport, command, workingDirectory, url, headers, allowPrivateNetwork, isolation } = server;
  return JSON.stringify([
    ...[id, name, transport, command, environment, workingDirectory],
    ...[url, headers, allowPrivateNetwork, isolation],
  ]);
}
