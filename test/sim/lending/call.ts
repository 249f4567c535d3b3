// A call of the simulation: what it is charged to, how much it will turn out to cost, and what its provider bills. A provider
// bills the truth where the call comes to its end or nobody tells it to stop, and where it is told, up to a margin more than
// what the proxy had seen. It may write far ahead of what is seen.

import type { Ask, Hold } from "@tollgate/kernel/lending/lease-book";
import { firstHold, fullOf, type Held, type RunningCall } from "@tollgate/kernel/lending/running";
import type { LendingBug } from "./bugs.ts";
import type { Subject } from "./ledger.ts";

/** `units`: permits and slots. */
export type Charge = {
  readonly kind: "full" | "running" | "units";
  readonly subject: Subject;
  readonly exposure: Subject | undefined;
  call: RunningCall;
  has: Held;
};

export type Call = {
  readonly id: number;
  readonly charges: readonly Charge[];
  /** In truth: nano-dollars of the input, and tokens of the output with all that is reasoned unseen. */
  readonly input: bigint;
  readonly output: number;
  readonly tokenPrice: bigint;
  readonly margin: number;
  readonly most: number;
  written: number;
  seen: number;
  tries: number;
  hold: Hold | undefined;
  /** It needs more than could be had at once. */
  isShort: boolean;
  isInputSaid: boolean;
  bill: bigint;
  /** What the laws have counted of it so far, by the parts of its hold. */
  claims: { readonly account: string; amount: bigint }[];
  billed: bigint;
};

export function costAt({ input, tokenPrice, most }: Call, tokens: number): bigint {
  return input + BigInt(Math.min(tokens, most)) * tokenPrice;
}

export function asksOf({ charges }: Call, isFull: boolean, bug: LendingBug | undefined): Ask[] {
  const asks: Ask[] = [];
  for (const charge of charges) {
    const { kind, name } = charge.subject;
    const { held, exposed } = firstOf(charge, isFull);
    asks.push({ subject: name, kind, amount: held });
    if (charge.exposure === undefined) continue;
    const amount = bug === "nothing-is-exposed" ? 0n : exposed;
    asks.push({ subject: charge.exposure.name, kind: "money", amount, covers: name });
  }
  return asks;
}

export function firstOf({ kind, call, has }: Charge, isFull: boolean): Held {
  if (kind === "units") return has;
  if (kind === "full" || isFull) return { held: fullOf(call), exposed: 0n };
  return firstHold(call, fullOf(call));
}

type PartOf = { readonly charge: Charge; readonly index: number; readonly isExposure: boolean };

/** An amount for each part of a call's hold, in the order in which it asked for them. */
export function amountsOf({ charges }: Call, amount: (part: PartOf) => bigint): bigint[] {
  const amounts: bigint[] = [];
  for (const [index, charge] of charges.entries()) {
    amounts.push(amount({ charge, index, isExposure: false }));
    if (charge.exposure !== undefined) amounts.push(amount({ charge, index, isExposure: true }));
  }
  return amounts;
}
