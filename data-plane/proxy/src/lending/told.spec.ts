// What is told of charges is put into words once and then said again, as long as it is the same: so it has to be, at each moment and
// after each thing that can happen, what would be said of them anew. Were it kept for too long, who is at the end of his budget
// would not be warned of it. But for one thing: of budgets that are as full by whole per cents, either may be told.

import { create } from "@bufbuild/protobuf";
import { LeaseBook, type Ask, type Hold } from "@tollgate/kernel/lending/lease-book";
import { BudgetPeriod, BudgetSchema, LimitMeasure, LimitSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import * as anthropic from "../model/anthropic/allowance.ts";
import * as openai from "../model/openai/allowance.ts";
import type { Standing, Tell } from "../pipeline/allowance.ts";
import { budgetCharge, limitCharge } from "./charged.ts";
import { standingOf, type Charge } from "./standing.ts";
import { inCommon, toldOf } from "./told.ts";

const nanoUsdLimit = 1_000n;

/** Two budgets and a limit, each with a ledger that lends whatever is asked for and says what it is told to say. */
class World {
  readonly charges: readonly Charge[];
  readonly book = new LeaseBook(1e9);
  now = { monotonicMs: 0, wallMs: 1_800_000_000_000 };
  /** Of their accounts, by the even clock. */
  private readonly endsMs: Readonly<Record<string, number>>;
  private readonly limits: Record<string, bigint>;
  private counted = 0n;
  private roomAtMs: number | undefined;
  private readonly generations = new Map<string, number>();

  constructor(limitOfOther: bigint, endsMs: Readonly<Record<string, number>> = {}) {
    this.endsMs = endsMs;
    const budget = (id: string) => budgetCharge(create(BudgetSchema, { id, hard: true, period: BudgetPeriod.DAY }), 0n);
    const requests = create(LimitSchema, { id: "requests", measure: LimitMeasure.REQUESTS, amount: 30n });
    this.charges = inCommon([budget("one"), budget("other"), limitCharge(requests)]);
    this.limits = { "budget/one": nanoUsdLimit, "budget/other": limitOfOther };
  }

  readonly desk = {
    now: () => this.now,
    news: (subject: string) => {
      const lease = this.book.lease(subject);
      return { news: lease?.newsNow(), msLeft: lease?.msLeft(this.now), roomInMs: lease?.roomInMs(this.now) };
    },
  };

  /** `isRunning`: and of the first budget's exposure, as streams do. */
  hold(nanoUsd: bigint, isRunning = false): Hold {
    const asks: Ask[] = this.charges.map(({ subject, kind }) => {
      return { subject, kind, amount: kind === "money" ? nanoUsd : 1n };
    });
    const exposure = { subject: "exposure/one", kind: "money", amount: 1n, covers: "budget/one" } as const;
    if (isRunning) asks.splice(1, 0, exposure);
    let held = this.book.hold(asks, this.now);
    for (let tries = 0; !("parts" in held) && tries < 3; tries++) {
      for (const { lease, lacking } of held) lease.lacks(lacking, lacking);
      this.exchange();
      held = this.book.hold(asks, this.now);
    }
    if (!("parts" in held)) throw new Error("nothing is lent");
    return held;
  }

  /** `over`: whose account is at its end, if any. */
  exchange(over?: string): void {
    for (const { lease, statement } of this.book.due(this.now)) {
      const { subject } = lease;
      const { revision, draw, settled } = statement;
      const generation = this.generations.get(subject) ?? 0;
      if (subject === over) this.generations.set(subject, generation + 1);
      const news = { limit: this.limits[subject] ?? 30n, settled, counted: this.counted, roomAtMs: this.roomAtMs };
      this.book.answered(
        lease.number,
        {
          ...{ revision, grant: draw && { number: draw.number, amount: draw.wanted, shortage: undefined } },
          ...{ keepAtMost: undefined, account: `${subject}/${generation}`, msLeft: this.msLeft(subject) },
          ...{ isOver: subject === over, isFrozen: false, news },
        },
        this.now,
      );
    }
  }

  private msLeft(subject: string): number {
    return (this.endsMs[subject] ?? 3_600_000) - this.now.monotonicMs;
  }

  pass(ms: number): void {
    this.now = { monotonicMs: this.now.monotonicMs + ms, wallMs: this.now.wallMs + ms };
  }

  hear(counted: bigint, roomInMs: number | undefined): void {
    this.counted = counted;
    this.roomAtMs = roomInMs === undefined ? undefined : this.now.monotonicMs + roomInMs;
    this.exchange();
  }
}

const seed = seedFromEnv();

test.each([
  ["Anthropic's", anthropic.standingLines],
  ["OpenAI's", openai.standingLines],
])(`is at each moment what would be said anew, in %s words (seed ${seed})`, (_, tell: Tell) => {
  const random = seededRandom(seed);
  const texts = new Set<string>();
  for (let run = 0; run < 60; run++) {
    const world = new World(random.pick([nanoUsdLimit, 700n, 50_000n, 0n]));
    // Of a time that may be over by now.
    let old: Hold | undefined;
    for (let step = 0; step < 80; step++) {
      const hold = world.hold(BigInt(1 + random.int(12)), random.chance(0.3));
      const check = (): void => {
        const anew = tell(standingOf(world.desk, world.charges), world.now.wallMs);
        expect(toldOf(world.desk, world.charges, random.pick([hold, old ?? hold]), tell)).toBe(anew);
        texts.add(anew);
      };
      check();
      if (random.chance(0.1)) world.hear(BigInt(random.int(31)), random.pick([undefined, undefined, 700]));
      check();
      // Whole seconds: what is said of the time of a period's end is rounded to them.
      if (random.chance(0.2)) world.pass(1_000);
      check();
      if (random.chance(0.05)) world.exchange(random.pick(["budget/one", "limit/requests"]));
      check();
      if (random.chance(0.05)) old = hold;
      world.book.settle(
        hold,
        hold.parts.map(({ lease, covers }) =>
          lease.kind === "money" && covers === undefined ? BigInt(random.int(13)) : 1n,
        ),
      );
      check();
    }
  }
  expect(texts.size).toBeGreaterThan(20);
});

test("is put into words once for calls of the same leases, and by each door for itself", () => {
  const world = new World(0n);
  let told = 0;
  const tell = (name: string) => (_: Standing) => `${name} ${(told += 1)}`;
  const [one, other] = [tell("one"), tell("other")];
  const say = (by: Tell): string => toldOf(world.desk, world.charges, world.hold(2n), by);
  world.hold(2n);
  expect([say(one), say(one), say(other), say(other), say(one)]).toEqual([
    "one 1",
    "one 1",
    "other 2",
    "other 2",
    "one 3",
  ]);
});

test("is said anew of each call whose charges are its own", () => {
  const world = new World(0n);
  const own = [...world.charges];
  let told = 0;
  const say = (): string => toldOf(world.desk, own, world.hold(1n), () => String((told += 1)));
  expect([say(), say()]).toEqual(["1", "2"]);
});

test("of budgets that are as full by whole per cents, the one is told that was the fuller when it was put into words", () => {
  const ends = { "budget/one": 1_000_000, "budget/other": 2_000_000 };
  const world = new World(nanoUsdLimit, ends);
  const resetAfter = (used: readonly bigint[]): string | undefined => {
    const hold = world.hold(10n);
    world.book.settle(hold, used);
    const told = toldOf(world.desk, world.charges, hold, anthropic.standingLines);
    return /unified-reset: (\d+)/.exec(told)?.[1];
  };
  const [one, other] = Object.values(ends).map((endMs) => String((world.now.wallMs + endMs) / 1_000));
  expect(resetAfter([3n, 1n, 1n])).toBe(one);
  expect(resetAfter([0n, 5n, 1n])).toBe(one);
  // Its next per cent.
  expect(resetAfter([0n, 5n, 1n])).toBe(other);
});
