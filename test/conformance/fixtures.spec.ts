// Both fixtures offer the same: what a client of the one era is given by the one, over HTTP or stdio, a client of the other
// era is given by the other. Only so does a difference behind a gate say something about the gate. And each stays in its
// era: what it is told by the other is refused as such servers do, or a test of a bridge would pass without a bridge.

import { describe, expect, test } from "vitest";
import { until } from "../support/wait.ts";
import { commandOf, startFixture, type Era, type HttpFixture, type Transport } from "./fixture.ts";
import { connect, type OfficialClient, type Place } from "./official-client.ts";

const eras = ["modern", "legacy"] as const;
const transports = ["http", "stdio"] as const;
const combinations = eras.flatMap((era) => transports.map((transport) => ({ era, transport })));

type Connected = { client: OfficialClient; fixture: HttpFixture | undefined } & AsyncDisposable;

async function open(era: Era, transport: Transport): Promise<Connected> {
  await using opened = new AsyncDisposableStack();
  const fixture = transport === "http" ? opened.use(await startFixture({ era, transport })) : undefined;
  const place: Place = fixture ?? commandOf({ era, transport });
  const client = opened.use(await connect(era, place));
  const kept = opened.move();
  return { client, fixture, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** What eras add to results, and errors' texts, are not the catalog's. */
const eraMembers = new Set(["_meta", "resultType", "ttlMs", "cacheScope"]);
const withoutEra = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (name, member: unknown) => (eraMembers.has(name) ? undefined : member)));

const given = { prompt: "Say something.", message: "Who are you?", city: "Zurich", region: "eu", phone: "1" };
const promptArguments = { arg1: "one", arg2: "two", resourceUri: "test://x" };

/** Calls and reads everything once. */
async function tour(client: OfficialClient): Promise<Record<string, unknown>> {
  const { tools } = await client.listTools();
  const { prompts } = await client.listPrompts();
  const { resources } = await client.listResources();
  const found: Record<string, unknown> = { prompts, resources, templates: await client.listResourceTemplates() };
  found["tools"] = tools;
  for (const { name } of tools) {
    // They change what the next one sees, or wait for ever.
    if (name.startsWith("test_trigger_") || name === "test_wait") continue;
    const answer = await client.callTool({ name, arguments: name === "json_schema_2020_12_tool" ? fullForm : given });
    found[name] = { answer, asked: client.asked.splice(0).sort() };
  }
  for (const { name } of prompts)
    found[`prompt ${name}`] = {
      answer: await client.getPrompt({ name, arguments: promptArguments }),
      asked: client.asked.splice(0),
    };
  for (const uri of [...resources.map((resource) => resource.uri), "test://template/7/data"])
    found[uri] = await client.readResource({ uri });
  const ref = { type: "ref/prompt" as const, name: "test_prompt_with_arguments" };
  found["completion"] = await client.complete({ ref, argument: { name: "arg1", value: "par" } });
  return Object(withoutEra(found));
}

const fullForm = { name: "Alice", contactMethod: "phone", phone: "1" };

test("all that is offered is the same in both eras and over both transports", { timeout: 30_000 }, async () => {
  const tours = await Promise.all(
    combinations.map(async ({ era, transport }) => {
      await using opened = await open(era, transport);
      return await tour(opened.client);
    }),
  );
  const [first, ...others] = tours;
  expect(Object.keys(first ?? {}).length).toBeGreaterThan(35);
  for (const other of others) expect(other).toEqual(first);
  expect(first).toMatchObject({
    test_input_required_result_multiple_inputs: {
      answer: { content: [{ text: `Paris Alice, with [{"uri":"file:///test/root","name":"root"}]` }] },
      asked: ["elicitation/create", "roots/list", "sampling/createMessage"],
    },
    test_input_required_result_multi_round: {
      answer: { content: [{ text: "Alice likes blue" }] },
      asked: ["elicitation/create", "elicitation/create"],
    },
    "prompt test_input_required_result_prompt": { asked: ["elicitation/create"] },
    test_sampling: { answer: { content: [{ text: "LLM response: Paris" }] } },
    test_error_handling: { answer: { isError: true } },
  });
});

describe.each(combinations)("the $era fixture over $transport", ({ era, transport }) => {
  test("tells of changed lists and of a resource that was subscribed to", async () => {
    await using opened = await open(era, transport);
    const { client, fixture } = opened;
    await client.subscribe(["test://watched-resource"]);
    if (fixture !== undefined) await listening(fixture, era);
    const names = async (): Promise<string[]> => (await client.listTools()).tools.map(({ name }) => name);
    expect(await names()).not.toContain("dynamic_tool");

    await client.callTool({ name: "test_trigger_tool_change", arguments: {} });
    await toldOf(client, "notifications/tools/list_changed");
    expect(await names()).toContain("dynamic_tool");
    await client.callTool({ name: "test_trigger_prompt_change", arguments: {} });
    await toldOf(client, "notifications/prompts/list_changed");
    await client.callTool({ name: "test_trigger_resource_update", arguments: {} });
    await toldOf(client, "notifications/resources/updated");
    const read = await client.readResource({ uri: "test://watched-resource" });
    expect(read).toMatchObject({ contents: [{ text: "Watched resource content, revision 1" }] });

    if (fixture === undefined) return;
    await fixture.control("toggle-tool", { name: "another_tool" });
    await toldOf(client, "notifications/tools/list_changed");
    expect(await client.callTool({ name: "another_tool", arguments: {} })).toMatchObject({
      content: [{ text: "another_tool was called." }],
    });
  });

  test("ends when whoever started it is gone, and on SIGTERM", async () => {
    const start = () => (transport === "http" ? startFixture({ era, transport }) : startFixture({ era, transport }));
    await using left = await start();
    expect(await left.leave()).toBe(0);
    await using stopped = await startFixture({ era, transport: "http" });
    expect(await stopped.stop()).toBe(0);
  });
});

async function toldOf(client: OfficialClient, method: string): Promise<void> {
  await until(() => client.told.includes(method), { what: `${method}, after ${client.told.join(", ")}` });
  client.told.length = 0;
}

/** In the legacy era nothing says that the GET stream is there, and what is told before is for nobody. */
async function listening(fixture: HttpFixture, era: Era): Promise<void> {
  if (era === "modern") return;
  const isOpen = async () => (await fixture.seen()).requests.some(({ method }) => method === "GET");
  await until(isOpen, { what: "the GET stream" });
}
