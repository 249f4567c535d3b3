// Guarantees of the batches: a page of a hundred keys asks for their teams once, and one caller's failed load is never taken
// for another's missing row.

import { expect, test } from "vitest";
import { batched } from "./batched.ts";

test("what is asked for in one turn is loaded once, each id once, also behind promises", async () => {
  const loads: (readonly string[])[] = [];
  const find = batched((ids) => {
    loads.push(ids);
    return Promise.resolve(new Map(ids.filter((id) => id !== "none").map((id) => [id, id.toUpperCase()])));
  });
  const later = Promise.resolve().then(() => find("a"));
  expect(await Promise.all([find("a"), find("b"), find("none"), later])).toEqual(["A", "B", undefined, "A"]);
  expect(loads).toEqual([["a", "b", "none"]]);
  expect(await find("a")).toBe("A");
  expect(loads).toHaveLength(2);
});

test("a load that fails is told to all who waited for it, and to nobody after", async () => {
  let isDown = true;
  const find = batched((ids) =>
    isDown ? Promise.reject(new Error("down")) : Promise.resolve(new Map(ids.map((id) => [id, 1]))),
  );
  for (const outcome of await Promise.allSettled([find("a"), find("b")])) expect(outcome.status).toBe("rejected");
  isDown = false;
  expect(await find("a")).toBe(1);
});
