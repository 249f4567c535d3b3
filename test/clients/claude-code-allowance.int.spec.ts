// Claude Code, told of budgets by the gate as it is run. A person is warned before a budget ends, and when it has ended reads
// why, once, and when it goes on; a program that drives Claude Code reads the same as events. Were a header misnamed, it would say
// nothing at all until it stops.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";
import { openBudgetGate, type BudgetGate, type BudgetSetting, type Spender } from "./budget-gate.ts";
import { openClaudeCodeTerminal, terminalAvailability } from "./claude-code-terminal.ts";
import { runClaudeCode, type ClaudeCodeReport } from "./claude-code.ts";
import { clientsAvailability } from "./install.ts";

const runMsMax = 60_000;
/** That he is at a gateway, its user has to say. */
const atGateway = { CLAUDE_CODE_USE_GATEWAY: "1" };
/** In seconds, give or take what the clocks of gate and ledger differ by. */
const about = (seconds: number | undefined): unknown => expect.closeTo(seconds ?? 0, -1);
const ofKey = { of: "key", usd: 100 } as const;
const spentText =
  /spend limit reached · resets .+ · A budget that this call is charged to is spent\. It is that of the/;

const opened = new AsyncDisposableStack();
let gate: BudgetGate;
beforeAll(async () => {
  gate = opened.use(await openBudgetGate());
}, 120_000);
afterAll(() => opened.disposeAsync());

async function spenderOf(usd: number, ...budgets: readonly BudgetSetting[]): Promise<Spender> {
  const spender = await gate.newSpender(...budgets);
  await spender.spend(usd);
  return spender;
}

const run = (spender: Spender, env: Readonly<Record<string, string>> = atGateway) =>
  runClaudeCode({ model: spender.at("/anthropic"), env });
/** How its requests to the model ended; 0: they have not. */
const statuses = ({ tap }: Spender): number[] =>
  tap.seen.filter(({ target }) => target.startsWith("/anthropic/v1/messages?")).map(({ status }) => status);

describeWith(await clientsAvailability(), "Claude Code, told of budgets", () => {
  test.each([
    { usd: 50, told: { status: "allowed" } },
    { usd: 80, told: { status: "allowed_warning", utilization: 0.8, surpassedThreshold: 0.75 } },
    { usd: 96, told: { status: "allowed_warning", utilization: 0.96, surpassedThreshold: 0.95 } },
  ])(
    "at $usd percent of a budget it does its work, and says how the budget stands",
    async ({ usd, told }) => {
      await using spender = await spenderOf(usd, ofKey);
      const report = await run(spender);
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
      const { status } = told;
      const resetsAt = about(await spender.resetSeconds());
      expect(standings(report)).toEqual([
        {
          ...{ rateLimitType: "overage", overageStatus: status, isUsingOverage: false },
          ...{ resetsAt, overageResetsAt: resetsAt },
          ...told,
        },
      ]);
    },
    runMsMax,
  );

  test.each([
    ["key", "team", { memberSpendLimit: { period: "monthly" } }],
    ["team", "key", { limitScope: "group_pool" }],
  ] as const)(
    "when a %s's budget is spent it stops at once, and says so in the gate's own words",
    async (of, other, told) => {
      await using spender = await spenderOf(100, { of, usd: 100 }, { of: other, usd: 125 });
      const report = await run(spender);
      expect(report).toMatchObject({ exitCode: 1, result: expect.stringMatching(spentText) });
      expect(report.result).toContain(`that of the ${of}. Whoever runs the gate can raise it.`);
      expect(report.result).not.toContain("API Error");
      const resetsAt = about(await spender.resetSeconds());
      expect(standings(report)).toMatchObject([{ status: "rejected", resetsAt, ...told }]);
      expect([statuses(spender), spender.turns()]).toEqual([[429], 0]);
    },
    runMsMax,
  );

  test(
    "when what is left is only held by other calls it comes again by itself, and goes on",
    async () => {
      await using spender = await spenderOf(10, ofKey);
      const report = await spender.holdUntilRefused(90, () => run(spender));
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(statuses(spender)).toEqual([429, 200]);
    },
    runMsMax,
  );

  test(
    "where its user has not said that he is at a gateway nobody is warned, and yet it stops with the same words",
    async () => {
      await using near = await spenderOf(96, ofKey);
      const warned = await run(near, {});
      expect(warned, warned.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(standings(warned)).toEqual([]);
      await using spender = await spenderOf(100, ofKey);
      const stopped = await run(spender, {});
      expect(stopped).toMatchObject({ exitCode: 1, result: expect.stringMatching(spentText) });
      expect(statuses(spender)).toEqual([429]);
    },
    2 * runMsMax,
  );
});

describeWith(await terminalAvailability(), "Claude Code in a terminal, told of budgets", () => {
  const open = (spender: Spender) =>
    openClaudeCodeTerminal({ model: spender.at("/anthropic"), prompt: "Do what the script says.", env: atGateway });

  test.each([80, 96])(
    "at %i percent of a budget a person is warned",
    async (usd) => {
      await using spender = await spenderOf(usd, ofKey);
      await using terminal = await open(spender);
      await untilShown(terminal, `You've used ${usd}% of your usage credits · resets `);
    },
    2 * runMsMax,
  );

  test(
    "a person who asks sees the dollars of the budget that is the fullest",
    async () => {
      await using spender = await spenderOf(80, ofKey, { of: "team", usd: 200, period: "WEEK" });
      await using terminal = await open(spender);
      await until(() => spender.turns() > 0, { what: "a turn" });
      await untilShown(terminal, "done");
      terminal.type("/usage");
      await untilShown(terminal, "Show session cost");
      terminal.type("\r");
      // What the turn cost is cents.
      await untilShown(terminal, / \$80\.\d\d \/ \$100\.00 spent this month/);
      expect(spender.tap.seen.map(({ method, target }) => `${method} ${target}`)).toContain(
        "GET /anthropic/api/oauth/usage",
      );
    },
    2 * runMsMax,
  );

  test(
    "a person whose budget is spent reads why",
    async () => {
      await using spender = await spenderOf(100, ofKey);
      await using terminal = await open(spender);
      await untilShown(terminal, "A budget that this call is charged to is spent. It is that of the key.");
      expect([statuses(spender), spender.turns()]).toEqual([[429], 0]);
    },
    2 * runMsMax,
  );
});

async function untilShown(terminal: { screen(): string }, text: string | RegExp): Promise<void> {
  const isShown = (): boolean =>
    typeof text === "string" ? terminal.screen().includes(text) : text.test(terminal.screen());
  try {
    await until(isShown, { what: `"${text}"`, timeoutMs: runMsMax, intervalMs: 100 });
  } catch (cause) {
    throw new Error(`it was not shown: "${text}", but:\n${terminal.screen()}`, { cause });
  }
}

const standing = z.object({ type: z.literal("rate_limit_event"), rate_limit_info: z.record(z.string(), z.unknown()) });

/** What it tells the program that drives it, one for each time that it changes. */
function standings({ events }: ClaudeCodeReport): unknown[] {
  return events.flatMap((event) => standing.safeParse(event).data?.rate_limit_info ?? []);
}
