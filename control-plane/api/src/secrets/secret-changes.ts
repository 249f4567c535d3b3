// Changes of secrets as part of a larger commit: the steps for the log, and the rows that go with them in the same
// transaction. A row is sealed for the version that was decided, so event and row cannot say different things.

import type { AnyStep, Within } from "../log/handle.ts";
import type { SecretStore } from "./secret-store.ts";
import { secretDecider, secretIn } from "./secret.decider.ts";

export type NewSecret = { id: string; name: string; value: Uint8Array };

export type SecretChanges = {
  stores: readonly NewSecret[];
  /** Ids. */
  erasures: readonly string[];
};

/** To stand before the steps that refer to them. */
export function storeSteps({ stores }: SecretChanges): AnyStep[] {
  return stores.map(({ id, name }) => ({ decider: secretDecider, id, command: { kind: "store", id, name } }));
}

/** To stand after the steps that no longer refer to them. */
export function eraseSteps({ erasures }: SecretChanges): AnyStep[] {
  return erasures.map((id) => ({ decider: secretDecider, id, command: { kind: "erase", id } }));
}

/** For `handleAll`, whose states name the version of each. */
export function secretRows(store: SecretStore, { stores, erasures }: SecretChanges): Within<unknown[]> {
  return async (sql, states) => {
    const versions = new Map<string, number>();
    for (const secret of states.map(secretIn)) if (secret) versions.set(secret.id, secret.version);
    for (const { id, name, value } of stores) {
      const version = versions.get(id);
      if (version === undefined) throw new Error(`the secret ${name} is stored by none of the steps`);
      await store.put(sql, id, version, value);
    }
    for (const id of erasures) await store.erase(sql, id);
  };
}
