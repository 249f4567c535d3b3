// The primary's half of upstream credentials: it fetches what the view's servers need, by reference, keeps it in memory and
// hands it to the workers. A new version in the view is fetched anew; what no server needs any more is let go. While the
// control plane is away the last values serve. Nothing is written anywhere.

import type { View } from "@tollgate/kernel/view";
import type { Log } from "../log-output.ts";
import type { SecretValue } from "./secret-values.ts";

export type SecretCache = {
  /** To be called with each view. */
  need(view: View): void;
  values(): readonly SecretValue[];
  /** Every secret of the last view has been asked for and answered, if only by its absence. */
  areComplete(): boolean;
  close(): void;
};

export type SecretCacheParts = {
  fetch: (ids: readonly string[]) => Promise<readonly SecretValue[]>;
  onChange: () => void;
  log: Log;
};

const pauseMsMin = 250;
const pauseMsMax = 10_000;

export function openSecretCache({ fetch, onChange, log }: SecretCacheParts): SecretCache {
  let wanted: ReadonlyMap<string, number> | undefined;
  /** Without a value: the control plane does not have it. */
  const held = new Map<string, { version: number; value: SecretValue | undefined }>();
  let isFetching = false;
  let pauseMs = pauseMsMin;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  function missing(): string[] {
    const entries = [...(wanted ?? [])];
    return entries.filter(([id, version]) => (held.get(id)?.version ?? -1) < version).map(([id]) => id);
  }

  async function fetchMissing(): Promise<void> {
    const ids = missing();
    if (isFetching || isClosed || ids.length === 0) return;
    isFetching = true;
    clearTimeout(retry);
    const asked = wanted;
    try {
      const found = new Map((await fetch(ids)).map((secret) => [secret.id, secret]));
      for (const id of ids) {
        const value = found.get(id);
        held.set(id, { version: Math.max(value?.version ?? 0, asked?.get(id) ?? 0), value });
      }
      pauseMs = pauseMsMin;
      onChange();
    } catch (error) {
      log.warn({ secretIds: ids, reason: String(error), pauseMs }, "secrets could not be fetched; it is tried again");
      retry = setTimeout(() => void fetchMissing(), pauseMs);
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
      return;
    } finally {
      isFetching = false;
    }
    void fetchMissing();
  }

  return {
    need(view) {
      const before = wanted;
      wanted = wantedBy(view);
      const gone = [...held.keys()].filter((id) => wanted?.has(id) !== true);
      for (const id of gone) held.delete(id);
      if (gone.length > 0 || before === undefined) onChange();
      void fetchMissing();
    },
    values: () => [...held.values()].flatMap(({ value }) => (value === undefined ? [] : [value])),
    areComplete: () => wanted !== undefined && missing().every((id) => held.has(id)),
    close() {
      isClosed = true;
      clearTimeout(retry);
    },
  };
}

function wantedBy(view: View): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const { headers } of view.serversByName.values())
    for (const { secretId } of headers) {
      const secret = view.secret(secretId);
      if (secret !== undefined) wanted.set(secretId, secret.version);
    }
  return wanted;
}
