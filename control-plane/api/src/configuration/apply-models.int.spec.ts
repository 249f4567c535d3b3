// Guarantees of a `tollgate.yaml` about models, over HTTP on a real PostgreSQL: providers, aliases, prices and what keys and teams
// reach come and go in one commit and in an order that works out, twice is once, and no credential is in a plan, an event or
// a log line.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { head } from "../log/read.ts";
import { applyTo, done, type Applied, type Options } from "./apply.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("models_file");
});

afterAll(() => api?.close());

const variables = { ANTHROPIC: "planted-anthropic", OPENAI: "planted-openai" };
const apply = (file: string, options: Options = {}): Promise<Applied> =>
  applyTo(api.admin, file, { variables, ...options });
const position = async (): Promise<bigint> => (await head(api.plane.database.sql)).position;

/** Kind and name of all that there is, with the fields that would show a wrong value. */
async function there(): Promise<unknown> {
  const { log } = await api.admin.run<{ log: { position: string } }>("{ log { position } }");
  return api.admin.run(
    `query ($at: Position) {
      providers(atLeast: $at) { nodes { name kind baseUrl credentials { name weight models } models } }
      modelAliases(atLeast: $at) { nodes { name targets { model provider { name } } } }
      priceList(atLeast: $at) { version prices { provider model inputPerMillion outputPerMillion } }
    }`,
    { at: log.position },
  );
}

async function secretValues(): Promise<string[]> {
  const { sql } = api.plane.database;
  const ids = await sql.query<{ id: string }>("SELECT id FROM secret.value");
  const values = await api.plane.secretStore.fetch(
    sql,
    ids.map(({ id }) => id),
  );
  return values.map(({ value }) => Buffer.from(value).toString()).sort();
}

const whole = `version: 1
providers:
  - { name: anthropic, kind: anthropic, credential: { env: ANTHROPIC } }
  - name: azure
    kind: openai
    baseUrl: https://azure.example/openai/v1
    credentials:
      - { name: main, env: OPENAI, weight: 3 }
      - { name: spare, env: ANTHROPIC, models: ["gpt-5*"] }
    models: ["gpt-*"]
models:
  - { name: fast, targets: [{ model: azure/gpt-5-mini }] }
prices:
  - { model: azure/gpt-5-mini, inputPerMillion: 0.25, outputPerMillion: 2 }
  - { model: "anthropic/claude-*", inputPerMillion: 3, outputPerMillion: 15 }
teams:
  - { name: engineering, models: ["azure/*", "anthropic/*"] }
keys:
  - { name: alice, team: engineering, models: [fast, "anthropic/claude-*"] }
`;

const all = {
  providers: {
    nodes: [
      {
        ...{ name: "anthropic", kind: "ANTHROPIC", baseUrl: "https://api.anthropic.com", models: [] },
        credentials: [{ name: "default", weight: 1, models: [] }],
      },
      {
        ...{ name: "azure", kind: "OPENAI", baseUrl: "https://azure.example/openai/v1", models: ["gpt-*"] },
        credentials: [
          { name: "main", weight: 3, models: [] },
          { name: "spare", weight: 1, models: ["gpt-5*"] },
        ],
      },
    ],
  },
  modelAliases: { nodes: [{ name: "fast", targets: [{ model: "gpt-5-mini", provider: { name: "azure" } }] }] },
  priceList: {
    version: 1,
    prices: [
      { provider: "azure", model: "gpt-5-mini", inputPerMillion: "0.25", outputPerMillion: "2" },
      { provider: "anthropic", model: "claude-*", inputPerMillion: "3", outputPerMillion: "15" },
    ],
  },
};

const created = [
  ...["CREATE team engineering", "CREATE key alice", "CREATE provider anthropic", "CREATE provider azure"],
  ...["CREATE model-alias fast", "CREATE price-list prices"],
];
const answers: Applied[] = [];

test("a dry run says what would be done, and changes nothing", async () => {
  const before = await position();
  answers.push(await apply(whole, { dryRun: true }));
  expect(answers.flatMap(done)).toEqual(created);
  expect([answers[0]?.isApplied, await position()]).toEqual([false, before]);
});

test("a file is one commit, with all that it says and the credentials stored", async () => {
  const before = await position();
  const applied = await apply(whole);
  answers.push(applied);
  expect(done(applied)).toEqual(created);
  expect(await there()).toEqual(all);
  expect(await secretValues()).toEqual(["planted-anthropic", "planted-anthropic", "planted-openai"]);
  const { sql } = api.plane.database;
  const commits = await sql.query("SELECT DISTINCT commit FROM log.event WHERE position > $1", [before]);
  expect(commits).toEqual([{ commit: BigInt(applied.position) }]);
});

test("applied again it changes nothing, and no credential is in an answer, an event or a log line", async () => {
  const before = await position();
  const again = await apply(whole);
  expect([done(again), await position()]).toEqual([[], before]);
  expect(again.plan.map(({ kind }) => kind)).toContain("price-list");
  const hits = await api.plane.database.sql.query(
    "SELECT 1 FROM log.event WHERE position(convert_to('planted-', 'UTF8') IN record) > 0",
  );
  expect(hits).toEqual([]);
  expect(JSON.stringify([...answers, again]) + api.logged()).not.toContain("planted-");
});

test("a change is told by its field, a renewed credential by its name", async () => {
  const renewed = await apply(whole, { variables: { ...variables, OPENAI: "planted-renewed" } });
  const changes = ({ plan }: Applied) =>
    plan.flatMap(({ action, name, fields }) => (action === "NONE" ? [] : [[action, name, ...fields]]));
  expect(changes(renewed)).toEqual([["CHANGE", "azure", "credentials.main"]]);
  expect(await secretValues()).toContain("planted-renewed");
  const changed = await apply(
    whole
      .replace("weight: 3", "weight: 4")
      .replace("azure/gpt-5-mini }]", "anthropic/claude-haiku-4-5 }]")
      .replace("outputPerMillion: 15", "outputPerMillion: 16")
      .replace('models: ["azure/*", "anthropic/*"]', 'models: ["anthropic/*"]')
      .replace('models: [fast, "anthropic/claude-*"]', "models: [fast]"),
  );
  expect(changes(changed)).toEqual([
    ["CHANGE", "engineering", "models"],
    ["CHANGE", "alice", "models"],
    ["CHANGE", "azure", "credentials"],
    ["CHANGE", "fast", "targets"],
    ["CHANGE", "prices", "anthropic/claude-*"],
  ]);
  await apply(whole);
});

test("without prune what is not named stays, prices too; a provider goes with the alias that left it", async () => {
  const one = `version: 1
prices: [{ model: "openai/*", inputPerMillion: 1, outputPerMillion: 1 }]
`;
  expect(done(await apply(one))).toEqual(["CHANGE price-list prices"]);
  expect(await there()).toMatchObject({
    providers: all.providers,
    priceList: { prices: [...all.priceList.prices, { provider: "openai", model: "*" }] },
  });
  const priced = '{ tool: "a/*", perCall: 1 }';
  const tools = await apply(`version: 1\nprices: [${priced}]\n`);
  expect(tools.plan).toMatchObject([{ action: "CHANGE", kind: "price-list", fields: ["tool a/*"] }]);
  expect(done(await apply(`version: 1\nprices: [${priced}]\n`))).toEqual([]);
  const moved = `version: 1
providers: [{ name: anthropic, kind: anthropic, credential: { env: ANTHROPIC } }]
models: [{ name: fast, targets: [{ model: anthropic/claude-haiku-4-5 }] }]
`;
  const pruned = await apply(moved, { prune: true });
  expect(done(pruned)).toEqual([
    ...["CHANGE model-alias fast", "CHANGE price-list prices"],
    ...["RETIRE key alice", "RETIRE provider azure", "RETIRE team engineering"],
  ]);
  expect(await secretValues()).toEqual(["planted-anthropic"]);
  expect(await there()).toMatchObject({
    modelAliases: { nodes: [{ name: "fast", targets: [{ provider: { name: "anthropic" } }] }] },
    priceList: { prices: [] },
  });
  expect(done(await apply(moved, { prune: true }))).toEqual([]);
});

test("a provider of another kind under the same name is refused at its place, and nothing of the file is applied", async () => {
  const before = await position();
  const file = `version: 1
teams: [{ name: never }]
providers:
  - { name: anthropic, kind: openai, credential: { env: OPENAI } }
`;
  const refused = await apply(file);
  expect(refused.issues).toMatchObject([{ line: 4, path: "providers[0]" }]);
  expect(refused.message).toContain("never changes");
  const dangling = await apply(file.replace("{ env: OPENAI }", "{ secret: nowhere }"));
  expect(dangling.issues).toMatchObject([{ line: 4, path: "providers[0]" }]);
  expect(await position()).toBe(before);
});
