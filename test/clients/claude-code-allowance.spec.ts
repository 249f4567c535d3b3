// Claude Code, told of budgets as the door to models tells it. A person is warned before a budget ends, and when it has ended reads
// why, once, and when it goes on; a program that drives Claude Code reads the same as events. Were a header misnamed, it would say
// nothing at all until it stops. The gate here is a small one that knows only how budgets stand; its words are the product's.
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";
import { startAllowanceGate, type AllowanceGate } from "./allowance-gate.ts";
import { budgetResetMs, held, used } from "./allowance-standing.ts";
import { openClaudeCodeTerminal, terminalAvailability } from "./claude-code-terminal.ts";
import { runClaudeCode, type ClaudeCodeReport } from "./claude-code.ts";
import { clientsAvailability } from "./install.ts";
import { startScriptedModel, type ScriptedModel } from "./scripted-model.ts";

const runMsMax = 60_000;
/** That he is at a gateway, its user has to say. */
const atGateway = { CLAUDE_CODE_USE_GATEWAY: "1" };
const resetSeconds = Math.floor(budgetResetMs / 1_000);
const spentText =
  /spend limit reached · resets .+ · A budget that this call is charged to is spent\. It is that of the/;

let mock: ScriptedModel;
let gate: AllowanceGate;

beforeEach(async () => {
  mock = await startScriptedModel(() => ({ say: "done" }));
  gate = await startAllowanceGate(mock.url);
});
afterEach(async () => {
  await gate[Symbol.asyncDispose]();
  await mock[Symbol.asyncDispose]();
});

const place = () => ({ mock, url: gate.url, key: "tg_key_of_nobody" });
const run = (env: Readonly<Record<string, string>> = atGateway) => runClaudeCode({ model: place(), env });
const calls = () => gate.seen.filter((line) => line.startsWith("POST /v1/messages?")).length;

describeWith(await clientsAvailability(), "Claude Code, told of budgets", () => {
  test.each([
    { usd: 50n, told: { status: "allowed" } },
    { usd: 80n, told: { status: "allowed_warning", utilization: 0.8, surpassedThreshold: 0.75 } },
    { usd: 96n, told: { status: "allowed_warning", utilization: 0.96, surpassedThreshold: 0.95 } },
  ])(
    "at $usd % of a budget it does its work, and says how the budget stands",
    async ({ usd, told }) => {
      gate.stand([used(usd)]);
      const report = await run();
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
      const { status } = told;
      expect(standings(report)).toEqual([
        {
          ...{ rateLimitType: "overage", overageStatus: status, isUsingOverage: false },
          ...{ resetsAt: resetSeconds, overageResetsAt: resetSeconds },
          ...told,
        },
      ]);
    },
    runMsMax,
  );

  test.each([
    ["key", { memberSpendLimit: { period: "monthly" } }],
    ["team", { limitScope: "group_pool" }],
  ] as const)(
    "when a %s's budget is spent it stops at once, and says so in the gate's own words",
    async (scope, told) => {
      gate.stand([used(80n), used(100n, { scope, state: "spent" })]);
      const report = await run();
      expect(report).toMatchObject({ exitCode: 1, result: expect.stringMatching(spentText) });
      expect(report.result).toContain(`that of the ${scope}. Whoever runs the gate can raise it.`);
      expect(report.result).not.toContain("API Error");
      expect(standings(report)).toMatchObject([{ status: "rejected", resetsAt: resetSeconds, ...told }]);
      expect([calls(), mock.situations]).toEqual([1, []]);
    },
    runMsMax,
  );

  test(
    "when what is left is only held by other calls it comes again by itself, and goes on",
    async () => {
      gate.stand([held]);
      const running = run();
      await until(() => calls() > 0, { what: "a call that is refused" });
      gate.stand([used(20n)]);
      const report = await running;
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(calls()).toBe(2);
    },
    runMsMax,
  );

  test(
    "where its user has not said that he is at a gateway nobody is warned, and yet it stops with the same words",
    async () => {
      gate.stand([used(96n)]);
      const warned = await run({});
      expect(warned, warned.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(standings(warned)).toEqual([]);
      gate.stand([used(100n, { state: "spent" })]);
      const stopped = await run({});
      expect(stopped).toMatchObject({ exitCode: 1, result: expect.stringMatching(spentText) });
      expect(calls()).toBe(2);
    },
    2 * runMsMax,
  );
});

describeWith(await terminalAvailability(), "Claude Code in a terminal, told of budgets", () => {
  const open = () => openClaudeCodeTerminal({ model: place(), prompt: "Do what the script says.", env: atGateway });

  test.each([{ usd: 80n }, { usd: 96n }])(
    "at $usd % of a budget a person is warned",
    async ({ usd }) => {
      gate.stand([used(usd)]);
      await using terminal = await open();
      await untilShown(terminal, `You've used ${usd}% of your usage credits · resets `);
    },
    2 * runMsMax,
  );

  test(
    "a person who asks sees the dollars of the budget that is the fullest",
    async () => {
      gate.stand([used(80n), used(30n, { scope: "team", period: "week" })]);
      await using terminal = await open();
      await until(() => mock.situations.length > 0, { what: "a turn" });
      await untilShown(terminal, "done");
      terminal.type("/usage");
      await untilShown(terminal, "Show session cost");
      terminal.type("\r");
      await untilShown(terminal, "$80.00 / $100.00 spent this month");
      expect(gate.seen).toContain("GET /api/oauth/usage");
    },
    2 * runMsMax,
  );

  test(
    "a person whose budget is spent reads why",
    async () => {
      gate.stand([used(100n, { state: "spent" })]);
      await using terminal = await open();
      await untilShown(terminal, "A budget that this call is charged to is spent. It is that of the key.");
      expect([calls(), mock.situations]).toEqual([1, []]);
    },
    2 * runMsMax,
  );
});

async function untilShown(terminal: { screen(): string }, text: string): Promise<void> {
  try {
    await until(() => terminal.screen().includes(text), { what: `"${text}"`, timeoutMs: runMsMax, intervalMs: 100 });
  } catch (cause) {
    throw new Error(`it was not shown: "${text}", but:\n${terminal.screen()}`, { cause });
  }
}

const standing = z.object({ type: z.literal("rate_limit_event"), rate_limit_info: z.record(z.string(), z.unknown()) });

/** What it tells the program that drives it, one for each time that it changes. */
function standings({ events }: ClaudeCodeReport): unknown[] {
  return events.flatMap((event) => standing.safeParse(event).data?.rate_limit_info ?? []);
}
