// Codex, told of budgets as the door to models tells it. It gives up on a budget that is spent, at once, and comes again by itself
// where calls that are under way only hold what is left; mixed up, a person would wait for nothing, or stop for nothing.
import { expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";
import { startAllowanceGate } from "./allowance-gate.ts";
import { held, used } from "./allowance-standing.ts";
import { runCodex } from "./codex.ts";
import { startFixtureServer } from "./fixture-server.ts";
import { clientsAvailability } from "./install.ts";
import { startScriptedModel } from "./scripted-model.ts";

const runMsMax = 60_000;

async function open() {
  await using opened = new AsyncDisposableStack();
  const mock = opened.use(await startScriptedModel(() => ({ say: "done" })));
  const server = opened.use(await startFixtureServer("legacy"));
  const gate = opened.use(await startAllowanceGate(mock.url));
  const kept = opened.move();
  return {
    ...{ mock, gate },
    calls: () => gate.seen.filter((line) => line === "POST /v1/responses").length,
    run: () => runCodex({ url: server.url, model: { mock, url: `${gate.url}/v1`, key: "tg_key_of_nobody" } }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

describeWith(await clientsAvailability(), "Codex, told of budgets", () => {
  test(
    "when a budget is spent it stops at once, and says that a quota is used up",
    async () => {
      await using setting = await open();
      setting.gate.stand([used(100n, { state: "spent" })]);
      const report = await setting.run();
      expect(report).toMatchObject({ exitCode: 1, result: "" });
      expect(report.events).toContainEqual(
        expect.objectContaining({ type: "error", message: expect.stringContaining("Quota exceeded") }),
      );
      expect([setting.calls(), setting.mock.situations]).toEqual([1, []]);
    },
    runMsMax,
  );

  test(
    "when what is left is only held by other calls it comes again by itself, and goes on",
    async () => {
      await using setting = await open();
      const { gate, calls } = setting;
      gate.stand([held]);
      const running = setting.run();
      await until(() => calls() > 0, { what: "a call that is refused" });
      gate.stand([used(20n)]);
      const report = await running;
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(calls()).toBe(2);
    },
    runMsMax,
  );
});
