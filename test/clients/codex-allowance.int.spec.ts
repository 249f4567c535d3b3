// Codex, told of budgets by the gate as it is run. It gives up on a budget that is spent, at once, and comes again by itself
// where calls that are under way only hold what is left; mixed up, a person would wait for nothing, or stop for nothing.
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { openBudgetGate, type BudgetGate, type Spender } from "./budget-gate.ts";
import { runCodex } from "./codex.ts";
import { startFixtureServer } from "./fixture-server.ts";
import { clientsAvailability } from "./install.ts";

const runMsMax = 60_000;
const ofKey = { of: "key", usd: 100 } as const;
/** It offers its model to search the web, which the provider would do. */
const ofKeyThatSearches = { ...ofKey, allow: [{ feature: "WEB_SEARCH", amount: "0.5" }] } as const;

const opened = new AsyncDisposableStack();
let gate: BudgetGate;
let server: { readonly url: string };

const run = (spender: Spender, more: { searchesWeb?: boolean } = {}) =>
  runCodex({ url: server.url, model: spender.at("/openai/v1"), ...more });
/** How its requests to the model ended; 0: they have not. */
const statuses = ({ tap }: Spender): number[] =>
  tap.seen.filter(({ target }) => target === "/openai/v1/responses").map(({ status }) => status);

describeWith(await clientsAvailability(), "Codex, told of budgets", () => {
  beforeAll(async () => {
    server = opened.use(await startFixtureServer("legacy"));
    gate = opened.use(await openBudgetGate());
  }, 120_000);
  afterAll(() => opened.disposeAsync());

  test.each([80, 96])(
    "at %i percent of a budget it does its work",
    async (usd) => {
      await using spender = await gate.newSpender(ofKeyThatSearches);
      await spender.spend(usd);
      const report = await run(spender);
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(statuses(spender)).toEqual([200]);
    },
    runMsMax,
  );

  test(
    "when a budget is spent it stops at once, and says that a quota is used up",
    async () => {
      await using spender = await gate.newSpender(ofKeyThatSearches);
      await spender.spend(100);
      const report = await run(spender);
      expect(report).toMatchObject({ exitCode: 1, result: "" });
      expect(report.events).toContainEqual(
        expect.objectContaining({ type: "error", message: expect.stringContaining("Quota exceeded") }),
      );
      expect([statuses(spender), spender.turns()]).toEqual([[429], 0]);
    },
    runMsMax,
  );

  test(
    "when what is left is only held by other calls it comes again by itself, and goes on",
    async () => {
      await using spender = await gate.newSpender(ofKeyThatSearches);
      await spender.spend(10);
      const report = await spender.holdUntilRefused(90, () => run(spender));
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(statuses(spender)).toEqual([429, 200]);
    },
    runMsMax,
  );

  test(
    "where a budget has no allowance for its search of the web it says so, and does its work without",
    async () => {
      await using spender = await gate.newSpender(ofKey);
      const refused = await run(spender);
      expect(refused).toMatchObject({ exitCode: 1, result: "" });
      expect(JSON.stringify(refused.events)).toContain("has no allowance for `webSearch`");
      expect(spender.turns()).toBe(0);
      const report = await run(spender, { searchesWeb: false });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
    },
    2 * runMsMax,
  );
});
