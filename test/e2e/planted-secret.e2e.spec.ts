// Secrets are planted wherever a person would put one, the product is used and misused, and then everything that it wrote
// or said is searched: logs, answers, events, facts, snapshots, the whole database and both data directories. A secret may
// stand in two places only: on the wire to the upstream that needs it, and in the answer that shows a key once.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase } from "../support/database.ts";
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { readModelCall } from "../support/model-calls.ts";
import { changeProvider, registerProvider } from "../support/model-operations.ts";
import {
  callTool,
  createTeam,
  issueKey,
  readCalls,
  readFleet,
  registerServer,
  revokeKey,
  type FleetMember,
} from "../support/operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const planted = {
  upstreamHeader: "planted-upstream-4f1d8c2b9a",
  storedSecret: "planted-stored-77aa31c0de",
  fileSecret: "planted-file-e02b6619ff",
  credential: "planted-credential-8d20f7b3c1",
  argument: "planted-argument-51c3b0aa8e",
  prompt: "planted-prompt-0b7d3f6e21",
};

describe("after a day's work, no secret is left lying about", () => {
  const resources = new AsyncDisposableStack();
  const secrets: string[] = Object.values(planted);
  const said: string[] = [];
  let stack: Stack;
  let databaseUrl: string;

  beforeAll(async () => {
    const database = resources.use(await createDatabase("planted"));
    databaseUrl = database.url;
    const upstream = resources.use(
      await startExampleMcp({ REQUIRE_HEADER: `authorization: Bearer ${planted.upstreamHeader}` }),
    );
    const mock = resources.use(await startMockProvider());
    stack = resources.use(await startStack({ databaseUrl }));
    await useAndMisuse(upstream.url, mock);
  }, 120_000);

  afterAll(() => resources.disposeAsync());

  async function useAndMisuse(upstreamUrl: string, mock: MockProvider): Promise<void> {
    const { admin } = stack;
    secrets.push(stack.adminToken);
    const [joinToken = ""] = (await readFile(join(stack.dir, "join-token"), "utf8")).split(".");
    secrets.push(joinToken);
    const headers = [{ name: "Authorization", prefix: "Bearer ", value: planted.upstreamHeader }];
    await registerServer(admin, { name: "example", url: upstreamUrl, headers });
    const credentials = [{ name: "main", value: planted.credential }];
    const provider = await registerProvider(admin, {
      name: "models",
      kind: "OPENAI",
      baseUrl: `${mock.url}/v1`,
      credentials,
    });
    await changeProvider(admin, { id: provider.id, credentials: [{ name: "main", weight: 2 }] });
    const team = await createTeam(admin, "platform");
    const key = await issueKey(admin, { name: "agent", teamId: team.id, models: ["models/*"] });
    secrets.push(key.secret);
    await until(async () => (await callTool(stack.proxy().url, key.secret, "example__echo")).hasResult, {
      what: "the key to work",
    });
    await until(async () => knowsProviders(await readFleet(admin)), { what: "the proxy to know the provider" });
    await call(key.secret, "example__echo", { text: planted.argument });
    await call(key.secret, "example__none", { text: planted.argument });
    await askModel(key.secret, mock);
    await call(`${key.secret}x`, "example__echo");
    await call(stack.adminToken, "example__echo");
    await tell(`mutation { storeSecret(input: { name: "ci", value: "${planted.storedSecret}" }) { __typename } }`);
    await tell(
      `mutation { storeSecret(input: { name: "BAD NAME", value: "${planted.storedSecret}" }) { __typename ... on Refusal { message } } }`,
    );
    await tell(`mutation { storeSecret(input: { name: 7, value: "${planted.storedSecret}" }) { nonsense } }`);
    await tell(
      `mutation { registerProvider(input: { name: "bad", kind: OPENAI, credentials: [{ name: "BAD NAME", value: "${planted.credential}" }] }) { __typename ... on Refusal { message } } }`,
    );
    await tell(
      `mutation { registerProvider(input: { name: "bad", kind: OPENAI, baseUrl: "https://u:${planted.credential}@p.example", credentials: [{ name: "main", value: "${planted.credential}\\n" }] }) { __typename ... on Refusal { message } } }`,
    );
    await tell("{ providers { nodes { name credentials { name secretId } } } }");
    const file = `version: 1\nservers:\n  - { name: other, url: "${upstreamUrl}", allowPrivateNetwork: true, headers: { x-token: { value: ${planted.fileSecret} } } }\nproviders:\n  - { name: filed, kind: openai, credential: { value: ${planted.fileSecret} } }\n`;
    const apply = `mutation ($file: String!) { applyConfiguration(file: $file) { __typename
      ... on ApplyConfigurationSucceeded { plan { action kind name fields } } ... on ConfigurationInvalid { issues { message } } } }`;
    await tell(apply, { file });
    await tell(apply, {
      file: `${file}keys:\n  - { name: k, team: nobody, secret: { value: ${planted.fileSecret} } }\n`,
    });
    await tell(apply, { file: file.replace("kind: openai", "kind: anthropic, weight: 0") });
    await tell(
      "{ servers { edges { node { name headers { name prefix } } } } secrets { edges { node { name version } } } }",
    );
    await revokeKey(admin, key.id);
    await call(key.secret, "example__echo");
    await until(async () => (await readCalls(admin)).length > 3, { what: "facts to arrive" });
    said.push(JSON.stringify(await readCalls(admin)));
    for (const url of [
      `${stack.proxy().adminUrl}/metrics`,
      `${stack.proxy().adminUrl}/debug/replica`,
      `${stack.control.adminUrl}/metrics`,
    ])
      said.push(await (await fetch(url)).text());
  }

  async function call(key: string, tool: string, args: unknown = {}): Promise<void> {
    const { status, body } = await callTool(stack.proxy().url, key, tool, args);
    // What `echo` gives back is the upstream's answer, relayed as it must be.
    if (status !== 200 || !body.includes('"content"')) said.push(body);
  }

  /** Served, refused by the provider as what it is, and broken off: the credential is in each request that goes out. */
  async function askModel(key: string, mock: MockProvider): Promise<void> {
    const ask = async (): Promise<string> => {
      const response = await fetch(`${stack.proxy().url}/openai/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "models/m", messages: [{ role: "user", content: planted.prompt }] }),
      });
      // What the model says holds what was asked, and is relayed as it must be.
      if (response.status === 200) await response.text().catch(String);
      else said.push(await response.text());
      return response.headers.get("x-tollgate-request-id") ?? "";
    };
    const requestIds = [await ask()];
    mock.failCredential(planted.credential, { status: 401 }, 1);
    requestIds.push(await ask());
    mock.queueReplies({ trouble: { cutAfterBytes: 10 } }, { trouble: { noHead: "reset" } });
    requestIds.push(await ask(), await ask());
    expect(JSON.stringify(mock.exchanges.map(({ rawHeaders }) => rawHeaders)).split(planted.credential)).toHaveLength(
      5,
    );
    for (const requestId of requestIds)
      said.push(
        JSON.stringify(await until(() => readModelCall(stack.admin, requestId), { what: "the fact of the call" })),
      );
    await tell(`{ providerHealth(provider: "models") { credential errors { what } } }`);
  }

  async function tell(query: string, variables: Record<string, unknown> = {}): Promise<void> {
    said.push((await stack.admin.send(query, variables)).body);
  }

  test("the search itself finds what is there", async () => {
    expect(found(`x${planted.argument}y`, secrets)).toEqual([planted.argument]);
    expect(await databaseText(databaseUrl)).toContain("tollgate.v1.ServerRegistered");
  });

  test("nothing that was answered or logged holds one", () => {
    const logs = [stack.control.log(), ...stack.proxies.map((proxy) => proxy.log())];
    expect(logs.join("").length).toBeGreaterThan(100);
    for (const text of [...said, ...logs]) expect(found(text, secrets), text.slice(0, 400)).toEqual([]);
  });

  test("the database holds none: events, projections, secrets, usage, fleet", async () => {
    expect(found(await databaseText(databaseUrl), secrets)).toEqual([]);
  });

  test("nothing on disk holds one", async () => {
    const files = await readdir(stack.dir, { recursive: true, withFileTypes: true });
    // The file with which the proxy was given its token, and which is for nothing else.
    const read = files.filter((file) => file.isFile() && file.name !== "join-token");
    // The cache holds the upstream's secret, sealed.
    expect(read.map((file) => file.name)).toEqual(expect.arrayContaining(["cache.sealed", "cache.key", "proxy.json"]));
    for (const file of read) {
      const path = join(file.parentPath, file.name);
      expect(found((await readFile(path)).toString("latin1"), secrets), path).toEqual([]);
    }
  });
});

function knowsProviders([proxy]: readonly FleetMember[]): boolean {
  return proxy?.digests.some(({ kind, resources }) => kind === "provider" && resources === "1") === true;
}

function found(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => text.includes(secret) || text.includes(Buffer.from(secret).toString("base64")));
}

/** Every row of every table, bytes as the text that they hold. */
async function databaseText(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const parts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${name}`);
      for (const row of rows)
        for (const value of Object.values(row))
          parts.push(
            Buffer.isBuffer(value)
              ? value.toString("latin1")
              : typeof value === "string"
                ? value
                : (JSON.stringify(value) ?? ""),
          );
    }
    return parts.join("\n");
  } finally {
    await client.end();
  }
}
