// All short schedules of small worlds, with at most two misfortunes: what chance finds late or never is in every one of them. How
// many states there are is told; where there are more than are looked at, the shortest schedules come first.

import { expect, test } from "vitest";
import { testEnvironment } from "../../support/environment.ts";
import type { LendingBug } from "./bugs.ts";
import { lentTo, searchLending, type Search } from "./search.ts";

const statesMax = 8_000 * testEnvironment().scale;
const crash = ["!kill 0", "say 0", "bring 0", "bring 0"];

const worlds = {
  "one proxy that was lent something, and a successor": {
    ...{ proxies: 1, start: lentTo(0), movesMax: 8, misfortunesMax: 2, statesMax },
    moves: ["call", "end", "say", "bring", "kill", "lose"],
  },
  "two proxies that were lent something": {
    ...{ proxies: 2, start: [...lentTo(0), ...lentTo(1)], movesMax: 8, misfortunesMax: 2, statesMax: statesMax / 2 },
    moves: ["call", "end", "say", "bring", "lose", "write off", "idle"],
  },
  "a restore after a crash that the backup does not know": {
    ...{ proxies: 1, start: ["back up", ...lentTo(0), ...crash], movesMax: 9, misfortunesMax: 2, statesMax },
    moves: ["call", "say", "bring", "restore", "forget"],
  },
  "a restore, with one proxy that the backup knows and one that it does not": {
    ...{ proxies: 2, start: [...lentTo(0), "back up", ...lentTo(1)], movesMax: 9, misfortunesMax: 2, statesMax },
    moves: ["say", "bring", "restore", "write off"],
  },
} as const satisfies Readonly<Record<string, Search>>;

type World = keyof typeof worlds;
const names = Object.keys(worlds) as World[]; // As keys of a record they lose their type.

test.each(names)("no short schedule breaks a law: %s", { timeout: 600_000 }, (name) => {
  const { violation, schedule, states } = searchLending(worlds[name]);
  expect(violation, schedule.join(", ")).toBeUndefined();
  console.log(`${name}: ${states} states`);
});

const planted: readonly [LendingBug, World][] = [
  ["revision-ignored", "one proxy that was lent something, and a successor"],
  ["request-before-record", "one proxy that was lent something, and a successor"],
  ["grant-under-way-forgotten", "one proxy that was lent something, and a successor"],
  ["late-grant-taken", "one proxy that was lent something, and a successor"],
  ["former-boots-forgotten", "a restore after a crash that the backup does not know"],
  ["forgets-that-it-forgot", "a restore after a crash that the backup does not know"],
  ["lends-while-frozen", "a restore, with one proxy that the backup knows and one that it does not"],
  ["presumes-nothing", "a restore, with one proxy that the backup knows and one that it does not"],
];

test.each(planted)("the search finds the planted bug %s", { timeout: 600_000 }, (bug, name) => {
  const { violation, schedule } = searchLending({ ...worlds[name], bug });
  expect(violation).toBeDefined();
  console.log(`${bug}: ${violation}\n${schedule.join(", ")}`);
});
