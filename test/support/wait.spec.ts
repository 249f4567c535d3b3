// A wait that gives up must say what it waited for and what it saw: in CI there is nothing else to go by.
import { expect, test } from "vitest";
import { until } from "./wait.ts";

test("resolves with the first truthy value", async () => {
  let asked = 0;
  expect(await until(async () => (++asked < 3 ? undefined : `asked ${asked}`), { what: "three", intervalMs: 1 })).toBe(
    "asked 3",
  );
});

test("gives up with what was awaited and the last value", async () => {
  await expect(until(() => 0, { what: "a non-zero count", timeoutMs: 5, intervalMs: 1 })).rejects.toThrow(
    "gave up waiting for a non-zero count after 5 ms; the last value was 0",
  );
});

test("a throwing condition does not hold yet, and its last error is kept", async () => {
  let asked = 0;
  const refuseOnce = (): boolean => {
    if (asked++ === 0) throw new Error("refused");
    return true;
  };
  expect(await until(refuseOnce, { what: "the server", intervalMs: 1 })).toBe(true);
  const failure = until(refuse, { what: "the server", timeoutMs: 5, intervalMs: 1 });
  await expect(failure).rejects.toThrow("the last try threw: refused");
  await expect(failure).rejects.toHaveProperty("cause.message", "refused");
});

function refuse(): boolean {
  throw new Error("refused");
}
