// What brings the log to a proxy. A source that is attached passes on everything that comes after that moment, in the order
// in which it comes; it may repeat and it may leave holes (a broker that lost data, a relay that died), and the follower
// deals with both. It says once when it is lost, and is then of no more use.

import type { LogIdentity, Record as LogRecord, Tick as TickMessage } from "@tollgate/schema/sync";

export type Log = Pick<LogIdentity, "id" | "incarnation">;

/** `hash` is the log's hash at the position: a log that has another one there is another log. */
export type Place = { log: Log; position: bigint; hash: Uint8Array };

export type Tick = Pick<TickMessage, "head" | "timeMs" | "hash">;

export type SourceListener = {
  onRecords(log: Log, records: readonly LogRecord[]): void;
  onTick(log: Log, tick: Tick): void;
  onLost(reason: string): void;
};

export type Attached = { detach(): Promise<void> };

export type Source = {
  readonly name: "grpc" | "kafka";
  /** Where it begins: after a position that the follower must have, or at whatever is the end when it attaches. */
  readonly beginsAt: "position" | "end";
  attach(after: Place | undefined, listener: SourceListener): Promise<Attached>;
};
