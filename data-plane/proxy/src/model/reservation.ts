// What one call to a model holds of budgets and limits, from before it goes out until it is settled. `full` holds all that the call
// can cost. `running`, for streams, holds what it would cost if it ended now, and takes more as the stream goes on; by how much it
// may cost more than it holds is held of the budget's exposure, so that hidden reasoning of many streams at once stays bounded.
// How much that is at each moment is the kernel's arithmetic.

import type { AccountKind } from "@tollgate/kernel/lending/account";
import type { Ask, Hold } from "@tollgate/kernel/lending/lease-book";
import {
  extended,
  extensionAt,
  firstHold,
  fullOf,
  inputSaid,
  neededAt,
  settledAt,
  type Held,
  type RunningCall,
} from "@tollgate/kernel/lending/running";
import { LimitMeasure } from "@tollgate/schema/resources";
import type { Desk } from "../lending/desk.ts";
import { standingOf, type Charge } from "../lending/standing.ts";
import type { Standing } from "../pipeline/allowance.ts";
import type { InputSaid, Reservation } from "../pipeline/call.ts";
import { marginTokens } from "./settle.ts";

type Part = { readonly ask: Ask } & (
  | { readonly role: "full" | "requests" | "tokens" | "calls" }
  /** Its exposure is the next. */
  | { readonly role: "running"; readonly call: RunningCall }
  | { readonly role: "exposure" }
);

export type Plan = { readonly parts: readonly Part[]; readonly asks: readonly Ask[] };

export type Costs = {
  /** All that it can cost. */
  readonly boundNanoUsd: bigint;
  /** As a stream; undefined where that is not known. */
  readonly running: Omit<RunningCall, "marginTokens"> | undefined;
  readonly tokens: bigint;
};

/** `isRunning`: of a budget, whether the stream may hold less than all of it. */
export function planOf(charges: readonly Charge[], costs: Costs, isRunning: (charge: Charge) => boolean): Plan {
  const parts = charges.flatMap((charge) => partsOf(charge, costs, isRunning(charge)));
  return { parts, asks: parts.map(({ ask }) => ask) };
}

function partsOf({ subject, kind, of }: Charge, { boundNanoUsd, running, tokens }: Costs, isRunning: boolean): Part[] {
  const askFor = (amount: bigint): Ask => ({ subject, kind, amount });
  if (of.kind === "limit") {
    const { measure } = of.limit;
    if (measure === LimitMeasure.TOKENS) return [{ role: "tokens", ask: askFor(tokens) }];
    return [{ role: measure === LimitMeasure.CONCURRENT_CALLS ? "calls" : "requests", ask: askFor(1n) }];
  }
  const full: Part = { role: "full", ask: askFor(boundNanoUsd + of.allowanceNanoUsd) };
  if (!isRunning || running === undefined) return [full];
  const call: RunningCall = {
    ...running,
    inputNanoUsd: running.inputNanoUsd + of.allowanceNanoUsd,
    // No less than what is written down of a stream that broke off.
    marginTokens: Math.max(of.budget.marginTokens, marginTokens),
  };
  const { held, exposed } = firstHold(call, fullOf(call));
  if (exposed === 0n) return [full];
  const exposure = { subject: `exposure/${of.budget.id}`, kind: exposureKind, amount: exposed, covers: subject };
  return [
    { role: "running", call, ask: askFor(held) },
    { role: "exposure", ask: exposure },
  ];
}

const exposureKind: AccountKind = "money";

/** `at`: which part of the hold it is. */
type Running = { readonly at: number; call: RunningCall; has: Held };

type Books = Pick<Desk, "extend" | "release" | "settle" | "news">;

export class ModelReservation implements Reservation {
  private readonly desk: Books;
  private readonly charges: readonly Charge[];
  private readonly hold: Hold;
  private readonly parts: readonly Part[];
  private readonly boundNanoUsd: bigint;
  private readonly running: readonly Running[];
  /** For attempts of which nobody heard. */
  private besideNanoUsd = 0n;
  /** Once: intent and fact name them. */
  private charged: string[] | undefined;
  private isInputSaid = false;
  private isOver = false;

  constructor(desk: Books, charges: readonly Charge[], hold: Hold, { parts }: Plan, boundNanoUsd: bigint) {
    this.desk = desk;
    this.charges = charges;
    this.hold = hold;
    this.parts = parts;
    this.boundNanoUsd = boundNanoUsd;
    this.running = parts.flatMap((part, at) => {
      if (part.role !== "running") return [];
      return [{ at, call: part.call, has: { held: this.heldOf(at), exposed: this.heldOf(at + 1) } }];
    });
  }

  private heldOf(at: number): bigint {
    return this.hold.parts[at]?.held ?? 0n;
  }

  heldNanoUsd = (): bigint => {
    const money = this.parts.flatMap(({ role }, at) => (isMoney(role) ? [this.heldOf(at)] : []));
    return money.reduce(least, money[0] ?? 0n);
  };

  standing(): Standing {
    return standingOf(this.desk, this.charges, Date.now());
  }

  accounts(): string[] {
    return (this.charged ??= this.chargedAccounts());
  }

  private chargedAccounts(): string[] {
    return this.hold.parts.flatMap(({ lease }, at) => (isMoney(this.parts[at]?.role) ? [lease.account] : []));
  }

  covers(seenTokens: number, said: () => InputSaid | undefined): boolean {
    if (this.running.length === 0) return true;
    const input = this.isInputSaid ? undefined : said();
    if (input !== undefined) this.hearInput(input, seenTokens);
    const extensions = this.running.map(({ call, has }) => extensionAt(call, has, seenTokens));
    if (extensions.every((one) => one === undefined)) return true;
    if (this.extend(extensions.map((one) => one?.more ?? 0n))) return true;
    if (!extensions.some((one) => one?.isUrgent === true)) return true;
    return this.extend(this.running.map(({ call, has }) => lacking(call, has, seenTokens)));
  }

  private hearInput({ inputNanoUsd, outputRateNanoUsd }: InputSaid, seenTokens: number): void {
    this.isInputSaid = true;
    const said = { inputNanoUsd: inputNanoUsd + this.besideNanoUsd, outputRateNanoUsd };
    const less = this.parts.map(() => 0n);
    for (const one of this.running) {
      const { held, exposed } = one.has;
      Object.assign(one, inputSaid(one.call, one.has, said, seenTokens));
      less[one.at] = held - one.has.held;
      less[one.at + 1] = exposed - one.has.exposed;
    }
    this.desk.release(this.hold, less);
  }

  /** By so much of each that runs, which can then cost so much less beyond what it holds. */
  private extend(mores: readonly bigint[]): boolean {
    const more = this.parts.map(() => 0n);
    const less = this.parts.map(() => 0n);
    for (const [index, { at }] of this.running.entries()) more[at] = less[at + 1] = mores[index] ?? 0n;
    if (!this.desk.extend(this.hold, more)) return false;
    this.desk.release(this.hold, less);
    for (const one of this.running) one.has = extended(one.has, { more: more[one.at] ?? 0n, isUrgent: false });
    return true;
  }

  again(): boolean {
    const { boundNanoUsd } = this;
    const more = this.parts.map(({ role }) => (isMoney(role) ? boundNanoUsd : 0n));
    if (!this.desk.extend(this.hold, more)) return false;
    this.besideNanoUsd += boundNanoUsd;
    for (const one of this.running) {
      one.call = { ...one.call, inputNanoUsd: one.call.inputNanoUsd + boundNanoUsd };
      one.has = { ...one.has, held: one.has.held + boundNanoUsd };
    }
    return true;
  }

  settle({ costNanoUsd, tokens, isKnown, end }: Parameters<Reservation["settle"]>[0]): void {
    if (this.isOver) return;
    this.isOver = true;
    const used = this.parts.map(({ role }, at) => {
      const held = this.heldOf(at);
      switch (role) {
        case "full":
          // Where nobody has said what was used, all that was held may have been.
          return isKnown ? costNanoUsd : most(costNanoUsd, held);
        case "requests":
          return 1n;
        case "tokens":
          return isKnown ? tokens : most(tokens, held);
        case "running":
        case "exposure":
        case "calls":
          return 0n;
      }
    });
    for (const { at, call, has } of this.running) {
      const { held, exposed } = settledAt(call, has, end);
      // No less than what is written down of it.
      used[at] = most(costNanoUsd - exposed, held);
      used[at + 1] = exposed;
    }
    this.desk.settle(this.hold, used);
  }
}

/** As much as what was seen needs, where a step ahead of it is not to be had. */
function lacking(call: RunningCall, { held, exposed }: Held, seenTokens: number): bigint {
  return least(most(neededAt(call, seenTokens) - held, 0n), exposed);
}

function isMoney(role: Part["role"] | undefined): boolean {
  return role === "full" || role === "running";
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
