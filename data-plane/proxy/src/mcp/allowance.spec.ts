// What is told of budgets and limits over MCP, to the byte. A model has to be able to read why its tool did not run, or it calls it
// again at once, and a program finds when it may; the JSON-RPC error of a refusal would reach neither.

import { expect, test } from "vitest";
import { allowance, limit, nowMs } from "../fixtures/allowance-fixture.ts";
import { shortageMessage } from "./allowance.ts";

const spent = {
  kind: "spent",
  allowance: allowance({ limitNanoUsd: 2_500_000_000n, settledNanoUsd: 2_499_000_000n, state: "spent", scope: "team" }),
} as const;

test("a call of a tool has a result that is an error, with a sentence and the facts beside it", () => {
  expect(JSON.parse(shortageMessage('"7"', "tools/call", spent, nowMs, "legacy"))).toEqual({
    ...{ jsonrpc: "2.0", id: "7" },
    result: {
      content: [
        {
          type: "text",
          text: "A budget that this call is charged to is spent. It is that of the team. It resets at 2026-08-08T00:00:00.700Z.",
        },
      ],
      isError: true,
      _meta: {
        "tollgate/code": "budget.spent",
        "tollgate/retryAfterSeconds": 43_201,
        "tollgate/resetsAt": "2026-08-08T00:00:00.700Z",
        ...{ "tollgate/scope": "team", "tollgate/limitUsd": "2.5" },
        ...{ "tollgate/settledUsd": "2.499", "tollgate/heldUsd": "0" },
      },
    },
  });
});

test("to a client of the modern era the result says that it is complete", () => {
  const message = JSON.parse(shortageMessage("7", "tools/call", spent, nowMs, "modern"));
  expect(message).toMatchObject({ id: 7, result: { resultType: "complete", isError: true } });
});

test("what is not known is left out", () => {
  const standing = limit({ measure: "concurrent", limit: 4, remaining: -1, resetMs: undefined });
  const message = JSON.parse(shortageMessage("7", "tools/call", { kind: "limit", standing }, nowMs, "legacy"));
  expect(message.result._meta).toEqual({
    ...{ "tollgate/code": "limit.reached", "tollgate/retryAfterSeconds": 1 },
    ...{ "tollgate/measure": "concurrent", "tollgate/limit": 4, "tollgate/remaining": 0 },
  });
});

test("everything but a call of a tool is refused with an error, and the facts are its data", () => {
  const held = { kind: "held", allowance: allowance({ heldNanoUsd: 100n, state: "held" }) } as const;
  expect(JSON.parse(shortageMessage("null", "prompts/get", held, nowMs, "modern"))).toEqual({
    ...{ jsonrpc: "2.0", id: null },
    error: {
      code: -32003,
      message: "What is left of a budget is held by calls that are under way. It is that of the key. Try again in 5s.",
      data: {
        ...{ code: "budget.held", retryAfterSeconds: 5, resetsAt: "2026-08-08T00:00:00.700Z" },
        ...{ scope: "key", limitUsd: "0.0000001", settledUsd: "0", heldUsd: "0.0000001" },
      },
    },
  });
});
