// Which of a provider's credentials a call uses. A session stays with one, and a key whose client names no session, so that
// what the provider has cached for them is found again; sessions and keys are spread by weight. One that the provider refused is put aside for a while, and
// others come before it; where all are aside, the one that comes back first is used all the same. What is known of a
// credential is known in this worker alone.

import { hash } from "node:crypto";
import { servesModel } from "@tollgate/kernel/model-pattern";
import type { Provider, ProviderCredential } from "@tollgate/schema/resources";
import type { SecretValues } from "../upstream/secret-values.ts";

export type Credential = { readonly name: string; readonly secret: string };

/** What became of an attempt with it: `refused` by the provider as a credential, `limited` until a time, or in trouble. */
export type Experience =
  | { readonly kind: "served" }
  | { readonly kind: "refused" }
  | { readonly kind: "limited"; readonly afterMs: number }
  | { readonly kind: "trouble" };

export type Credentials = {
  /** All that may be used for the model (empty: for any), best first. `sticky`: calls that shall have the same. */
  order(model: string, sticky: string): readonly Credential[];
  learned(name: string, experience: Experience): void;
};

type State = { untilMs: number; failures: number; generation: number };

const refusedMs = 60_000;
const troubleMsMin = 1_000;
const troubleMsMax = 30_000;
const limitedMsMax = 3_600_000;

export function createCredentials(provider: Provider, secrets: SecretValues, nowMs: () => number): Credentials {
  const states = new Map<string, State>();

  function usable(model: string): readonly (Credential & { weight: number })[] {
    return provider.credentials.flatMap(({ name, secretId, weight, models }) => {
      const secret = secrets.get(secretId);
      if (secret === undefined || (model !== "" && !servesModel(models, model))) return [];
      return [{ name, secret, weight }];
    });
  }

  /** Until when it is put aside; 0 where it is not. What another secret was refused for is not this one's fault. */
  function asideUntil(name: string, now: number): number {
    const state = states.get(name);
    return state === undefined || state.untilMs <= now || state.generation !== secrets.generation() ? 0 : state.untilMs;
  }

  return {
    order(model, sticky) {
      const all = usable(model);
      if (all.length < 2) return all;
      const now = nowMs();
      const ranked = all.map((one) => ({ one, aside: asideUntil(one.name, now), rank: rankOf(one, sticky) }));
      return ranked.sort((a, b) => a.aside - b.aside || a.rank - b.rank).map(({ one }) => one);
    },
    learned(name, experience) {
      if (experience.kind === "served") return void states.delete(name);
      const failures = (states.get(name)?.failures ?? 0) + 1;
      const untilMs = nowMs() + asideMs(experience, failures);
      states.set(name, { untilMs, failures, generation: secrets.generation() });
    },
  };
}

function asideMs(experience: Exclude<Experience, { kind: "served" }>, failures: number): number {
  if (experience.kind === "refused") return refusedMs;
  if (experience.kind === "limited") return Math.min(experience.afterMs, limitedMsMax);
  return Math.min(troubleMsMin * 2 ** Math.min(failures - 1, 10), troubleMsMax);
}

/** Weighted rendezvous: each draws a number from its name and what it is asked for, the heavier the smaller. */
function rankOf({ name, weight }: Pick<ProviderCredential, "name" | "weight">, sticky: string): number {
  const drawn = (hash("sha256", `${name} ${sticky}`, "buffer").readUInt32BE() + 1) / (2 ** 32 + 1);
  return -Math.log(drawn) / Math.max(1, weight);
}
