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
import type { Charge } from "../lending/standing.ts";
import { toldOf } from "../lending/told.ts";
import type { Tell } from "../pipeline/allowance.ts";
import type { InputSaid, Reservation } from "../pipeline/call.ts";
import { marginTokens } from "./settle.ts";

type Role =
  | { readonly role: "full" | "requests" | "tokens" | "calls" | "exposure" }
  /** Its exposure is the next. */
  | { readonly role: "running"; readonly call: RunningCall };

/** What is asked for of one account, and why. */
export type Part = Ask & Role;

export type Costs = {
  /** All that it can cost. */
  readonly boundNanoUsd: bigint;
  /** As a stream; undefined where that is not known. */
  readonly running: Omit<RunningCall, "marginTokens"> | undefined;
  readonly tokens: bigint;
};

/** `isRunning`: of a budget, whether the stream may hold less than all of it. */
export function partsOf(charges: readonly Charge[], costs: Costs, isRunning: (charge: Charge) => boolean): Part[] {
  const parts: Part[] = [];
  for (const charge of charges) {
    const { of } = charge;
    const running = of.kind === "budget" && isRunning(charge) ? runningParts(charge, of, costs) : undefined;
    if (running !== undefined) parts.push(...running);
    else parts.push(of.kind === "budget" ? allOf(charge, of, costs) : permitOf(charge, of.limit.measure, costs));
  }
  return parts;
}

function permitOf({ subject, kind }: Charge, measure: LimitMeasure, { tokens }: Costs): Part {
  if (measure === LimitMeasure.TOKENS) return { subject, kind, amount: tokens, role: "tokens" };
  return { subject, kind, amount: 1n, role: measure === LimitMeasure.CONCURRENT_CALLS ? "calls" : "requests" };
}

type OfBudget = Charge["of"] & { readonly kind: "budget" };

function allOf({ subject, kind }: Charge, { allowanceNanoUsd }: OfBudget, { boundNanoUsd }: Costs): Part {
  return { subject, kind, amount: boundNanoUsd + allowanceNanoUsd, role: "full" };
}

/** Undefined where a stream of it would hold all that it can cost anyway. */
function runningParts({ subject, kind }: Charge, of: OfBudget, { running }: Costs): readonly Part[] | undefined {
  if (running === undefined) return undefined;
  const { budget, allowanceNanoUsd } = of;
  const call: RunningCall = {
    ...running,
    inputNanoUsd: running.inputNanoUsd + allowanceNanoUsd,
    // No less than what is written down of a stream that broke off.
    marginTokens: Math.max(budget.marginTokens, marginTokens),
  };
  const { held, exposed } = firstHold(call, fullOf(call));
  if (exposed === 0n) return undefined;
  const exposure = { subject: `exposure/${budget.id}`, kind: exposureKind, amount: exposed, covers: subject };
  return [
    { subject, kind, amount: held, role: "running", call },
    { ...exposure, role: "exposure" },
  ];
}

const exposureKind: AccountKind = "money";

/** `at`: which part of the hold it is. */
type Running = { readonly at: number; call: RunningCall; has: Held };

/** Of most calls nothing runs ahead of what it holds. */
const nothing: readonly Running[] = [];

type Books = Pick<Desk, "extend" | "release" | "settle" | "now" | "news">;

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

  constructor(desk: Books, charges: readonly Charge[], hold: Hold, parts: readonly Part[], boundNanoUsd: bigint) {
    this.desk = desk;
    this.charges = charges;
    this.hold = hold;
    this.parts = parts;
    this.boundNanoUsd = boundNanoUsd;
    this.running = this.runningIn(parts);
  }

  private runningIn(parts: readonly Part[]): readonly Running[] {
    let running: Running[] | undefined;
    for (const [at, part] of parts.entries())
      if (part.role === "running") {
        const has = { held: this.heldOf(at), exposed: this.heldOf(at + 1) };
        (running ??= []).push({ at, call: part.call, has });
      }
    return running ?? nothing;
  }

  private heldOf(at: number): bigint {
    return this.hold.parts[at]?.held ?? 0n;
  }

  heldNanoUsd(): bigint {
    let all: bigint | undefined;
    for (const [at, { role }] of this.parts.entries())
      if (isMoney(role)) all = all === undefined ? this.heldOf(at) : least(all, this.heldOf(at));
    return all ?? 0n;
  }

  told(tell: Tell): string {
    return toldOf(this.desk, this.charges, this.hold, tell);
  }

  accounts(): string[] {
    return (this.charged ??= this.chargedAccounts());
  }

  private chargedAccounts(): string[] {
    const accounts: string[] = [];
    for (const [at, { lease }] of this.hold.parts.entries())
      if (isMoney(this.parts[at]?.role)) accounts.push(lease.account);
    return accounts;
  }

  get isRunning(): boolean {
    return this.running.length > 0;
  }

  covers(seenTokens: number, said: () => InputSaid | undefined): boolean {
    if (!this.isRunning) return true;
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
