// What one call to a model holds of budgets and limits, from before it goes out until it is settled. `full` holds all that the call
// can cost. `running`, for streams, holds what it would cost if it ended now, and takes more as the stream goes on; by how much it
// may cost more than it holds is held of the budget's exposure, so that hidden reasoning of many streams at once stays bounded.

import type { AccountKind } from "@tollgate/kernel/lending/account";
import type { Ask, Hold } from "@tollgate/kernel/lending/lease-book";
import { LimitMeasure } from "@tollgate/schema/resources";
import type { Desk } from "../lending/desk.ts";
import { standingOf, type Charge } from "../lending/standing.ts";
import type { Standing } from "../pipeline/allowance.ts";
import type { Reservation } from "../pipeline/call.ts";

type Part = { readonly ask: Ask; readonly role: "full" | "running" | "exposure" | "requests" | "tokens" | "calls" };

export type Plan = { readonly parts: readonly Part[] };

export type Costs = {
  /** All that it can cost. */
  readonly boundNanoUsd: bigint;
  /** What it would cost if it ended before anything came of it. */
  readonly beginNanoUsd: bigint;
  /** By how much the input can cost more than it is guessed at, as long as the provider has not said it. */
  readonly inputGapNanoUsd: bigint;
  /** By how much more is taken at a time. */
  readonly stepNanoUsd: bigint;
  readonly tokens: bigint;
};

/** `isRunning`: of a budget, whether the stream may hold less than all of it. */
export function planOf(charges: readonly Charge[], costs: Costs, isRunning: (charge: Charge) => boolean): Plan {
  const parts: Part[] = [];
  const add = (role: Part["role"], subject: string, kind: AccountKind, amount: bigint): void => {
    parts.push({ role, ask: { subject, kind, amount } });
  };
  for (const { subject, kind, of } of charges) {
    if (of.kind === "limit") {
      const { measure } = of.limit;
      if (measure === LimitMeasure.TOKENS) add("tokens", subject, kind, costs.tokens);
      else add(measure === LimitMeasure.CONCURRENT_CALLS ? "calls" : "requests", subject, kind, 1n);
      continue;
    }
    const bound = costs.boundNanoUsd + of.allowanceNanoUsd;
    const begin = least(costs.beginNanoUsd + costs.stepNanoUsd + of.allowanceNanoUsd, bound);
    if (!isRunning({ subject, kind, of }) || begin >= bound) add("full", subject, kind, bound);
    else {
      add("running", subject, kind, begin);
      const exposure = { subject: `exposure/${of.budget.id}`, kind: "money", amount: bound - begin } as const;
      parts.push({ role: "exposure", ask: { ...exposure, covers: subject } });
    }
  }
  return { parts };
}

export function asksOf({ parts }: Plan): readonly Ask[] {
  return parts.map(({ ask }) => ask);
}

export class ModelReservation implements Reservation {
  private readonly desk: Desk;
  private readonly charges: readonly Charge[];
  private readonly hold: Hold;
  private readonly parts: readonly Part[];
  private readonly stepNanoUsd: bigint;
  private readonly boundNanoUsd: bigint;
  private readonly inputGapNanoUsd: bigint;
  /** What the running parts hold. */
  private held: bigint;
  private isOver = false;

  constructor(
    desk: Desk,
    charges: readonly Charge[],
    hold: Hold,
    { parts }: Plan,
    { stepNanoUsd, boundNanoUsd, inputGapNanoUsd }: Costs,
  ) {
    this.desk = desk;
    this.charges = charges;
    this.hold = hold;
    this.parts = parts;
    this.stepNanoUsd = stepNanoUsd;
    this.boundNanoUsd = boundNanoUsd;
    this.inputGapNanoUsd = inputGapNanoUsd;
    this.held = this.leastHeld();
  }

  private leastHeld(): bigint {
    const money = this.hold.parts.filter((_, index) => isMoney(this.parts[index]?.role)).map(({ held }) => held);
    return money.reduce((few, held) => least(few, held), money[0] ?? 0n);
  }

  heldNanoUsd = (): bigint => this.held;

  standing(): Standing {
    return standingOf(this.desk, this.charges, Date.now());
  }

  accounts(): string[] {
    return this.hold.parts.flatMap(({ lease }, index) => (isMoney(this.parts[index]?.role) ? [lease.account] : []));
  }

  covers(guessedNanoUsd: bigint, isInputSaid: boolean): boolean {
    const costNanoUsd = guessedNanoUsd + (isInputSaid ? 0n : this.inputGapNanoUsd);
    if (costNanoUsd <= this.held || !this.parts.some(({ role }) => role === "running")) return true;
    const more = costNanoUsd + this.stepNanoUsd - this.held;
    return this.extendRunning(more) || this.extendRunning(costNanoUsd - this.held);
  }

  private extendRunning(more: bigint): boolean {
    const amounts = this.parts.map(({ role }) => (role === "running" ? more : 0n));
    if (!this.desk.extend(this.hold, amounts)) return false;
    // So much less can it cost beyond what it holds.
    const less = this.parts.map(({ role }, index) => {
      return role === "exposure" ? least(more, this.hold.parts[index]?.held ?? 0n) : 0n;
    });
    this.desk.release(this.hold, less);
    this.held += more;
    return true;
  }

  again(): boolean {
    const amounts = this.parts.map(({ role }) => (isMoney(role) ? this.boundNanoUsd : 0n));
    if (!this.desk.extend(this.hold, amounts)) return false;
    this.held += this.boundNanoUsd;
    return true;
  }

  settle({ costNanoUsd, tokens, isKnown, isInputSaid }: Parameters<Reservation["settle"]>[0]): void {
    if (this.isOver) return;
    this.isOver = true;
    const used = this.parts.map(({ role }, index) => {
      const held = this.hold.parts[index]?.held ?? 0n;
      switch (role) {
        case "full":
          // Where nobody has said what was used, all that was held may have been.
          return isKnown || costNanoUsd > held ? costNanoUsd : held;
        case "running":
          return isKnown || isInputSaid ? costNanoUsd : costNanoUsd + this.inputGapNanoUsd;
        case "requests":
          return 1n;
        case "tokens":
          return isKnown || tokens > held ? tokens : held;
        case "exposure":
        case "calls":
          return 0n;
      }
    });
    this.desk.settle(this.hold, used);
  }
}

function isMoney(role: Part["role"] | undefined): boolean {
  return role === "full" || role === "running";
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
