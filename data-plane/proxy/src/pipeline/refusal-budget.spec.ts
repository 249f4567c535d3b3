// A flood of refusals must cost the spool next to nothing and lose no count: whoever tries a million keys would otherwise push
// the facts of real calls off the disk.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  createRefusalBudget,
  singleRefusalsPerSecondMax,
  togetherPerSecondMax,
  type RefusedTogether,
} from "./refusal-budget.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const about = (keyId: string, code = "mcp.tool-unknown") => {
  const account = { keyId, teamId: keyId && "team", userId: keyId && "user", customerId: keyId && "customer" };
  return { ...account, code, door: "mcp" };
};

function open() {
  const told: RefusedTogether[] = [];
  const budget = createRefusalBudget({ wallMs: Date.now, onTogether: (refused) => told.push(refused) });
  return { budget, told };
}

test("a few are facts of their own; of a flood each is counted, and a second later there is room again", () => {
  const { budget, told } = open();
  let singles = 0;
  for (let i = 0; i < 10_000; i++) if (budget.allows(about("alice"))) singles += 1;
  expect(singles).toBe(singleRefusalsPerSecondMax);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1_000);
  const count = BigInt(10_000 - singles);
  expect(told).toEqual([{ ...about("alice"), count, lastTimeMs: 1_000_000n }]);
  expect(budget.allows(about("alice"))).toBe(true);
  vi.advanceTimersByTime(1_000);
  expect(told).toHaveLength(1);
});

test("who they were is told up to a bound; beyond it they are counted all the same", () => {
  const { budget, told } = open();
  for (let i = 0; i < singleRefusalsPerSecondMax; i++) budget.allows(about("first"));
  for (let i = 0; i < 5_000; i++) budget.allows(about(`key-${i}`));
  vi.advanceTimersByTime(1_000);
  expect(told.length).toBe(togetherPerSecondMax + 1);
  expect(told.reduce((sum, { count }) => sum + count, 0n)).toBe(5_000n);
  expect(told.at(-1)).toMatchObject({
    keyId: "",
    teamId: "",
    userId: "",
    customerId: "",
    count: BigInt(5_000 - togetherPerSecondMax),
  });
});

test("what was counted is told when the worker ends", () => {
  const { budget, told } = open();
  for (let i = 0; i < singleRefusalsPerSecondMax + 3; i++) budget.allows(about("alice"));
  budget.close();
  expect(told).toMatchObject([{ count: 3n }]);
});
