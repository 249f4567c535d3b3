// Guarantees of prices over HTTP on a real PostgreSQL: dollars come back to the nano as they were set, a list that cannot be is
// refused whole with its place, and each list that is set has a number that facts can name.

import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("prices");
});

afterAll(() => api?.close());

const priceFields = `provider model serviceTier inputPerMillion cachedInputPerMillion cacheWrite5mPerMillion
  cacheWrite1hPerMillion outputPerMillion tiers { inputTokensAbove inputPerMillion cachedInputPerMillion outputPerMillion }
  perRequest perWebSearch contextTokensMax outputTokensMax`;
const set = (prices: object[]) =>
  api.mutate("setPrices", { prices }, `priceList { version prices { ${priceFields} } }`);
const read = (atLeast?: string) =>
  api.admin.run<{ priceList: { version: number; prices: { model: string }[] } | null }>(
    "query ($atLeast: Position) { priceList(atLeast: $atLeast) { version prices { model } } }",
    { atLeast },
  );

const plain = { provider: "openai", model: "gpt-5*", inputPerMillion: "0.000000001", outputPerMillion: "10.50" };
const whole = {
  ...{ provider: "anthropic", model: "claude-sonnet-4-5", serviceTier: "priority" },
  ...{ inputPerMillion: "3", cachedInputPerMillion: "0.3", cacheWrite5mPerMillion: "3.75" },
  ...{ cacheWrite1hPerMillion: "6", outputPerMillion: "15" },
  tiers: [{ inputTokensAbove: "200000", inputPerMillion: "6", cachedInputPerMillion: "0.6", outputPerMillion: "22.5" }],
  ...{ perRequest: "0.01", perWebSearch: "0.02", contextTokensMax: "1000000", outputTokensMax: "64000" },
};

test("there is no list before one was set; then each is whole and counted, exact to the nano", async () => {
  expect(await read()).toEqual({ priceList: null });
  const first = await set([plain, whole]);
  expect(first["priceList"]).toEqual({
    version: 1,
    prices: [
      {
        ...{ ...plain, outputPerMillion: "10.5", serviceTier: "", tiers: [] },
        ...{ cachedInputPerMillion: "0.000000001", cacheWrite5mPerMillion: "0.000000001" },
        ...{ cacheWrite1hPerMillion: "0.000000001", perRequest: "0", perWebSearch: "0" },
        ...{ contextTokensMax: null, outputTokensMax: null },
      },
      whole,
    ],
  });
  expect(await set([plain, whole])).toMatchObject({ position: first.position, priceList: { version: 1 } });
  const second = await set([whole]);
  expect(await read(second.position)).toEqual({ priceList: { version: 2, prices: [{ model: whole.model }] } });
  expect(await set([])).toMatchObject({ priceList: { version: 3, prices: [] } });
});

test("tools have prices, too, exact to the nano", async () => {
  const toolPrices = [{ tool: "github/search_code", perCall: "0.000000002" }];
  const fields = "priceList { toolPrices { tool perCall } }";
  const done = await api.mutate("setPrices", { prices: [plain], toolPrices }, fields);
  expect(done["priceList"]).toEqual({ toolPrices });
  expect(
    await api.mutate("setPrices", { prices: [plain], toolPrices: [...toolPrices, ...toolPrices] }, fields),
  ).toMatchObject({
    field: "toolPrices[1]",
  });
  expect((await api.mutate("setPrices", { prices: [plain] }, fields))["priceList"]).toEqual({ toolPrices: [] });
});

test("a list that cannot be is refused as a whole, with its place; an amount that is none is no request", async () => {
  const before = (await set([plain])).position;
  for (const [more, field] of [
    [{ provider: "Open AI" }, "prices[1].provider"],
    [{ model: "gpt-5*" }, "prices[1]"],
    [{ model: "a*b" }, "prices[1].model"],
    [{ serviceTier: "a b" }, "prices[1].serviceTier"],
    [{ tiers: [{ ...whole.tiers[0], inputTokensAbove: "0" }] }, "prices[1].tiers[0].inputTokensAbove"],
  ] as const)
    expect(await set([plain, { ...plain, model: "other", ...more }])).toMatchObject({ field });
  for (const inputPerMillion of ["-1", "0.0000000001", "1e3", "99999999999", 3, ""]) {
    const refused: unknown = await set([{ ...plain, inputPerMillion }]).catch((error: unknown) => error);
    expect(refused, String(inputPerMillion)).toBeInstanceOf(AdminError);
  }
  expect((await set([plain])).position).toBe(before);
});

test("what comes with the software is shown with the name that facts have for it", async () => {
  const { shippedPriceList } = await api.admin.run<{ shippedPriceList: { version: string; prices: unknown[] } }>(
    `{ shippedPriceList { version prices { ${priceFields} } } }`,
  );
  expect(shippedPriceList.version).toMatch(/^shipped-\d{4}-\d{2}-\d{2}$/);
  expect(shippedPriceList.prices.length).toBeGreaterThan(0);
});
