// What there is to lend in a run of the simulation, and what its calls are like. In most runs calls are of all kinds; in some there
// is one budget, not much larger than what is lent of it, an exposure of a call or two, and calls that are all alike: what is
// wrong about the last dollars shows there.

import { firstHold, fullOf, type RunningCall } from "@tollgate/kernel/lending/running";
import type { SeededRandom } from "../../support/random.ts";
import type { Call, Charge } from "./call.ts";
import type { Subject } from "./ledger.ts";

export type Market = { readonly subjects: readonly Subject[]; call(id: number): Call };

const untouched = {
  ...{ written: 0, seen: 0, tries: 0, hold: undefined, isShort: false, isInputSaid: false, bill: 0n, billed: 0n },
} as const;

export function openMarket(random: SeededRandom): Market {
  const periodMs = random.chance(0.6) ? 3_600_000 : undefined;
  return random.chance(0.3) ? tightMarket(random, periodMs) : mixedMarket(random, periodMs);
}

function tightMarket(random: SeededRandom, periodMs: number | undefined): Market {
  const terms = {
    ...{ inputNanoUsd: BigInt(random.int(40)), outputRateNanoUsd: BigInt(1 + random.int(5)) * 1_000_000n },
    ...{ outputTokensMost: 20 + random.int(100), marginTokens: 1 },
  };
  const { held, exposed } = firstHold(terms, fullOf(terms));
  const subjects = subjectsOf({
    periodMs,
    most: held * BigInt(2 + random.int(8)),
    exposed: exposed + BigInt(random.int(99)),
  });
  const [, budget, exposure] = subjects;
  const charge = (): Charge[] =>
    budget === undefined
      ? []
      : [{ kind: "running", subject: budget, exposure, call: terms, has: { held: 0n, exposed: 0n } }];
  return { subjects, call: (id) => callOf(id, random, terms, charge(), terms.inputNanoUsd) };
}

function mixedMarket(random: SeededRandom, periodMs: number | undefined): Market {
  const most = 1 + random.int(random.pick([1_000, 4_000, 20_000]));
  const subjects = subjectsOf({
    ...{ periodMs, most: BigInt(most), exposed: BigInt(1 + random.int(most)) },
    ...{ slots: BigInt(1 + random.int(6)), permits: BigInt(1 + random.int(12)) },
  });
  const [full, running, exposure, slots, minute] = subjects;
  return {
    subjects,
    call: (id) => {
      const marginTokens = random.pick([1, 10, 50]);
      const terms = {
        ...{ inputNanoUsd: BigInt(random.int(200)), outputRateNanoUsd: BigInt(1 + random.int(5)) * 1_000_000n },
        ...{ outputTokensMost: 1 + random.int(marginTokens * 20), marginTokens },
      };
      const charges: Charge[] = [];
      const charge = (kind: Charge["kind"], subject: Subject | undefined, chance: number): void => {
        const has = { held: kind === "units" ? 1n : 0n, exposed: 0n };
        const of = kind === "running" ? exposure : undefined;
        if (subject !== undefined && random.chance(chance))
          charges.push({ kind, subject, exposure: of, call: terms, has });
      };
      charge("full", full, 0.5);
      charge("running", running, 0.6);
      charge("units", slots, 0.3);
      charge("units", minute, charges.length === 0 ? 1 : 0.3);
      return callOf(id, random, terms, charges, terms.inputNanoUsd / random.pick([1n, 3n]));
    },
  };
}

type Limits = {
  readonly periodMs: number | undefined;
  readonly most: bigint;
  readonly exposed: bigint;
  readonly slots?: bigint;
  readonly permits?: bigint;
};

function subjectsOf({ periodMs, most, exposed, slots = 1n, permits = 1n }: Limits): Subject[] {
  const none = { windowMs: 0, periodMs: undefined } as const;
  return [
    { name: "budget/full", kind: "money", limit: most, ...none, periodMs },
    { name: "budget/run", kind: "money", limit: most, ...none, periodMs },
    { name: "exposure/run", kind: "money", limit: exposed, ...none, periodMs },
    { name: "limit/slots", kind: "slots", limit: slots, ...none },
    { name: "limit/minute", kind: "window", limit: permits, ...none, windowMs: 60_000 },
  ];
}

function callOf(
  id: number,
  random: SeededRandom,
  { outputRateNanoUsd, outputTokensMost: most, marginTokens: margin }: RunningCall,
  charges: readonly Charge[],
  input: bigint,
): Call {
  const output = random.chance(0.3) ? most : 1 + random.int(most);
  return {
    id,
    charges,
    input,
    output,
    tokenPrice: outputRateNanoUsd / 1_000_000n,
    margin,
    most,
    ...untouched,
    claims: [],
  };
}
