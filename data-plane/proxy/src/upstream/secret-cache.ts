// The primary's half of upstream credentials: it fetches what the view's servers and providers need, by reference, keeps it in
// memory and hands it to the workers. A new version in the view is fetched anew; what nothing needs any more is let go. While the
// control plane is away the last values serve; what came before an answer broke off is kept, and only the rest is asked for
// again. It writes nothing anywhere and takes back what the cache on disk kept.

import type { View } from "@tollgate/kernel/view";
import type { Log } from "../log-output.ts";
import type { SecretValue } from "./secret-values.ts";

/** Without a value: the control plane does not have it. */
export type HeldSecret = { readonly id: string; readonly version: number; readonly value: SecretValue | undefined };

export type SecretCache = {
  /** To be called with each view. */
  need(view: View): void;
  values(): readonly SecretValue[];
  held(): readonly HeldSecret[];
  /**
   * Every secret of a view has been asked for and answered, if only by its absence. It stays so: a new server whose secret is
   * on its way must not make a whole fleet say at once that it is not ready.
   */
  areComplete(): boolean;
  close(): void;
};

export type SecretCacheParts = {
  /** In any number of parts; which ids do not exist is known when it has ended without an error. */
  fetch: (ids: readonly string[]) => AsyncIterable<readonly SecretValue[]>;
  kept?: readonly HeldSecret[];
  onChange: () => void;
  log: Log;
};

const pauseMsMin = 250;
const pauseMsMax = 10_000;

export function openSecretCache({ fetch, kept = [], onChange, log }: SecretCacheParts): SecretCache {
  let wanted: ReadonlyMap<string, number> | undefined;
  const held = new Map<string, HeldSecret>(kept.map((one) => [one.id, one]));
  let wereComplete = false;
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
    const unanswered = new Set(ids);
    const hold = (id: string, value: SecretValue | undefined): void => {
      unanswered.delete(id);
      // Views come meanwhile, and may have let it go.
      if (wanted?.has(id) === true)
        held.set(id, { id, version: Math.max(value?.version ?? 0, asked?.get(id) ?? 0), value });
    };
    try {
      for await (const part of fetch(ids)) for (const value of part) hold(value.id, value);
      for (const id of unanswered) hold(id, undefined);
      pauseMs = pauseMsMin;
      onChange();
    } catch (error) {
      if (unanswered.size < ids.length) onChange();
      log.warn(
        { secretIds: [...unanswered], reason: String(error), pauseMs },
        "secrets could not be fetched; it is tried again",
      );
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
    held: () => [...held.values()],
    areComplete() {
      wereComplete ||= wanted !== undefined && missing().every((id) => held.has(id));
      return wereComplete;
    },
    close() {
      isClosed = true;
      clearTimeout(retry);
    },
  };
}

function wantedBy(view: View): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const secretId of neededBy(view)) {
    const secret = view.secret(secretId);
    if (secret !== undefined) wanted.set(secretId, secret.version);
  }
  return wanted;
}

function* neededBy({ serversByName, providersByName }: View): Generator<string> {
  for (const { headers, environment } of serversByName.values())
    for (const { secretId } of [...headers, ...environment]) yield secretId;
  for (const { credentials } of providersByName.values()) for (const { secretId } of credentials) yield secretId;
}
