// What every feature of the control plane stands on, as one value that is made in `main.ts` and handed down: the database,
// the projections, the secret store, the clock, randomness and the log. It is the only thing that Nest injects.

import type { Database } from "./database.ts";
import type { Authority } from "./enrolment/authority.ts";
import type { Keyring } from "./keyring/keyring.ts";
import type { Log } from "./log-output.ts";
import type { Projections } from "./projections/runner.ts";
import type { SecretStore } from "./secrets/secret-store.ts";

export type Plane = {
  database: Database;
  projections: Projections;
  secretStore: SecretStore;
  authority: Authority;
  keyring: Pick<Keyring, "renew">;
  nowMs: () => number;
  randomBytes: (count: number) => Uint8Array;
  /** Equal for equal bytes; says nothing of them to who has the database alone. */
  fingerprint: (bytes: Uint8Array) => Uint8Array;
  /** Of the server's own environment, what a configuration that came over the API may name: `TOLLGATE_SECRET_*`. */
  resolveSecretVariable: (name: string) => string | undefined;
  log: Log;
};

/** Nest's token for it. */
export const PLANE = Symbol("plane");
