// The keys of sealed handles in a process, made ready once when they come, so that no request waits for more than the
// cipher itself. The control plane announces each key one rotation before its use and takes it back one rotation after;
// between the two every proxy opens what any proxy sealed, also where their clocks differ. While the control plane is away
// the newest key that is known stays in use.

import { createSecretKey, type KeyObject } from "node:crypto";
import type { SharedKey } from "@tollgate/schema/provisions";

/** As it travels between processes. */
export type SealingKey = {
  readonly id: number;
  readonly key: Uint8Array;
  readonly useFromMs: number;
  /** Undefined while no other key is announced. */
  readonly acceptUntilMs: number | undefined;
};

export type PreparedKey = Omit<SealingKey, "key"> & { readonly secret: KeyObject };

export type SealingKeys = {
  /** All that are known from now on. */
  replace(keys: readonly SealingKey[]): void;
  areKnown(): boolean;
  /** To seal with; undefined while none is known. */
  inUse(nowMs: number): PreparedKey | undefined;
  /** To open with; one that is only announced is in use already where a clock is ahead. */
  accepted(id: number, nowMs: number): PreparedKey | undefined;
};

export function createSealingKeys(): SealingKeys {
  let keys: readonly PreparedKey[] = [];
  const isAccepted = ({ acceptUntilMs }: PreparedKey, nowMs: number) =>
    acceptUntilMs === undefined || nowMs < acceptUntilMs;
  return {
    replace(next) {
      keys = next.map(({ key, ...rest }) => ({ ...rest, secret: createSecretKey(key) })).sort((a, b) => a.id - b.id);
    },
    areKnown: () => keys.length > 0,
    inUse: (nowMs) => keys.findLast(({ useFromMs }) => useFromMs <= nowMs) ?? keys[0],
    accepted: (id, nowMs) => keys.find((key) => key.id === id && isAccepted(key, nowMs)),
  };
}

export function fromWire({ id, key, useFromMs, acceptUntilMs }: SharedKey): SealingKey {
  const untilMs = acceptUntilMs === undefined ? undefined : Number(acceptUntilMs);
  return { id, key, useFromMs: Number(useFromMs), acceptUntilMs: untilMs };
}
