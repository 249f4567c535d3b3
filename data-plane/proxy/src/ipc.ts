// Every message between the primary and its workers. They travel by structured clone (`serialization: "advanced"`), so
// bytes and bigints stay what they are. The order of one channel is kept: a worker that starts gets the present state
// first and everything after it in order.

import type { EpochCounts } from "./facts/recorder.ts";
import type { FeedMessage } from "./feed/feed.ts";
import type { LendingAnswers, LendingBatch } from "./lending/desk.ts";
import type { Catalogue } from "./mcp/catalogue/catalogue.ts";
import type { InternalIdentity } from "./internal/identity.ts";
import type { CountersSnapshot } from "./pipeline/counters.ts";
import type { SealingKey } from "./sealing/sealing-keys.ts";
import type { SecretValue } from "./upstream/secret-values.ts";

export type ToWorker =
  | { kind: "start"; start: WorkerStart }
  | { kind: "feed"; message: FeedMessage }
  | { kind: "secrets"; secrets: readonly SecretValue[]; areComplete: boolean }
  | { kind: "sealing-keys"; keys: readonly SealingKey[] }
  | { kind: "catalogue"; catalogue: Catalogue }
  /** The servers that there are; what is known of others is forgotten. */
  | { kind: "catalogues"; serverIds: ReadonlySet<string> }
  /** The proxy's private key is in it: it stays in memory, and no log line shows it. */
  | { kind: "internal-identity"; identity: InternalIdentity }
  | { kind: "stats-asked"; question: number }
  | { kind: "lent"; answers: LendingAnswers }
  /** To say that it is not ready, and to serve all the same. */
  | { kind: "leave" }
  | { kind: "drain" };

export type WorkerStart = {
  port: number;
  spoolDirectory: string;
  epoch: bigint;
  /** Signs what the worker writes. */
  epochKey: Uint8Array;
  /** Where servers are that do not speak Streamable HTTP. */
  channelSocket: string;
  proxyId: string;
  /** Of the primary: what is lent to the worker is lent to it. */
  proxyBoot: string;
  /** From 0; who takes the place of a worker that died has its number. */
  slot: number;
  /** One life of one worker. */
  boot: string;
  /** Of the workers' sockets. Undefined: there is no place for them, and no worker reaches another. */
  runtimeDirectory: string | undefined;
  /** Where other proxies reach this one. Undefined: nowhere. */
  internal: { port: number; address: string } | undefined;
};

export type ToWatcher =
  | { kind: "start"; channelSocket: string }
  | { kind: "feed"; message: FeedMessage }
  | { kind: "secrets"; secrets: readonly SecretValue[]; areComplete: boolean }
  /** A call found it gone. */
  | { kind: "suspect"; serverId: string }
  | { kind: "end" };

export type FromWatcher = Extract<ToWorker, { kind: "catalogue" | "catalogues" }>;

export type ToPrimary =
  | { kind: "listening" }
  /** It cannot serve and will not later either: the reason as a sentence. */
  | { kind: "failed"; reason: string }
  | { kind: "applied"; position: bigint }
  | { kind: "suspect"; serverId: string }
  | { kind: "lend"; batch: LendingBatch }
  /** A hint that the spool has grown; at most some a second. */
  | { kind: "facts-written"; counts: EpochCounts }
  | { kind: "stats"; question: number; stats: WorkerStats };

/** What is open at the moment. */
export type OpenCounts = { sessions: number; streams: number; parked: number };

export type WorkerStats = { counts: CountersSnapshot; factsLost: bigint; open: OpenCounts };
