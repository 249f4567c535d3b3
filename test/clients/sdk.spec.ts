// The official SDKs through the gate, in each era that they have, in front of servers of both: what a program that is built on
// them does beyond plain calls. Where era and era differ (who asks whom, how one subscribes, how a call is given up), the gate
// translates, and none of it may be lost on the way.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFixture, type HttpFixture } from "../conformance/fixture.ts";
import { until } from "../support/wait.ts";
import { openGateTo, type GateTo } from "./gate-to.ts";
import { connectSdk, sdkLines, type SdkClient, type SdkLine } from "./sdk-client.ts";

const watched = "test://watched-resource";
const form = { username: "alice", email: "a@example.com" };

type Opened = { gate: GateTo; client: SdkClient } & AsyncDisposable;

async function open(line: SdkLine, { url }: HttpFixture): Promise<Opened> {
  await using opening = new AsyncDisposableStack();
  const gate = opening.use(await openGateTo({ fixture: url }));
  const client = opening.use(await connectSdk(line, { url: gate.plainUrl, headers: gate.headers }, form));
  const opened = opening.move();
  return { gate, client, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

const textOf = (text: string) => ({ content: [{ type: "text", text }] });

/** One fixture for all tests of an era: to start it takes longer than a test. */
for (const era of ["legacy", "modern"] as const)
  describe(`through the gate, with a ${era} server`, () => {
    let fixture: HttpFixture;
    beforeAll(async () => {
      fixture = await startFixture({ era, transport: "http" });
    });
    afterAll(() => fixture[Symbol.asyncDispose]());
    describe.each(sdkLines)("the SDK %s", (line) => testsOf(line, () => fixture));
  });

function testsOf(line: SdkLine, fixture: () => HttpFixture): void {
  test("calls and completes, in the era that is meant", async () => {
    await using opened = await open(line, fixture());
    const { client, gate } = opened;
    expect(await client.listTools()).toContain("test_simple_text");
    const structured = await client.callTool({ name: "test_structured_output", arguments: { city: "Zurich" } });
    expect(structured).toMatchObject({ structuredContent: { city: "Zurich", celsius: 21.5 } });
    expect(await client.callTool({ name: "test_error_handling" })).toMatchObject({ isError: true });
    await expect(client.callTool({ name: "no_such_tool" })).rejects.toThrow(/no tool|not found|unknown/i);
    const completion = await client.complete("test_prompt_with_arguments", "arg1", "par");
    expect(completion).toMatchObject({ values: ["paris", "park", "party"], total: 3, hasMore: false });
    expect([...gate.eras()]).toEqual([line === "v2 modern" ? "modern" : "legacy"]);
  });

  test("is asked by a tool, and its answer arrives", async () => {
    await using opened = await open(line, fixture());
    const answer = await opened.client.callTool({ name: "test_elicitation", arguments: { message: "Who are you?" } });
    expect(opened.client.asked).toEqual(["Who are you?"]);
    const said = `User response: action=accept, content=${JSON.stringify(form)}`;
    expect(answer).toMatchObject(textOf(said));
  });

  test("hears of the progress of its call", async () => {
    await using opened = await open(line, fixture());
    const heard: number[] = [];
    const call = { name: "test_tool_with_progress", onProgress: (progress: number) => void heard.push(progress) };
    expect(await opened.client.callTool(call)).toMatchObject(textOf("Tool with progress executed successfully"));
    expect(heard).toEqual([0, 50, 100]);
  });

  test("hears what a tool logs at the level that it wants, and no more", async () => {
    await using opened = await open(line, fixture());
    const { client } = opened;
    const logged = () => client.told.filter(({ method }) => method === "notifications/message").length;
    await client.setLogLevel("debug");
    await client.callTool({ name: "test_tool_with_logging" });
    await until(() => logged() === 3, { what: "all that was logged" });
    await client.setLogLevel("warning");
    await client.callTool({ name: "test_tool_with_logging" });
    expect(logged()).toBe(3);
  });

  test("hears of a resource that it subscribed to and of a changed list, and sees the change", async () => {
    await using opened = await open(line, fixture());
    const { client } = opened;
    const { control } = fixture();
    const before = await client.readText(watched);
    await client.subscribe(watched);
    const updated = { method: "notifications/resources/updated", params: expect.objectContaining({ uri: watched }) };
    await changeUntilHeard(client, () => control("update-resource"), updated);
    await until(async () => (await client.readText(watched)) !== before, { what: "the new text" });

    const name = `added_for_${line.replace(" ", "_")}`;
    expect(await client.listTools()).not.toContain(name);
    await control("toggle-tool", { name });
    const changed = "notifications/tools/list_changed";
    await until(() => client.told.some(({ method }) => method === changed), { what: changed });
    expect(await client.listTools()).toContain(name);
  });

  test("gives a call up, and the server stops working on it", async () => {
    await using opened = await open(line, fixture());
    const { client } = opened;
    const before = await client.readText(watched);
    const giveUp = new AbortController();
    let hasBegun = false;
    const { signal } = giveUp;
    const call = client.callTool({ name: "test_wait", signal, onProgress: () => void (hasBegun = true) });
    await Promise.all([
      expect(call).rejects.toThrow(),
      until(() => hasBegun, { what: "the call to begin" }).then(() => giveUp.abort()),
    ]);
    // Sooner than the gate itself would give the call up.
    const waiting = { what: "the server to notice", timeoutMs: 3_000 };
    await until(async () => (await client.readText(watched)) !== before, waiting);
  });
}

/** Nothing tells when a stream of the legacy era is there, and what is told before is for nobody. */
async function changeUntilHeard(client: SdkClient, change: () => Promise<void>, wanted: object): Promise<void> {
  await until(
    async () => {
      await change();
      return until(() => client.told.length > 0, { what: "news", timeoutMs: 200 });
    },
    { what: "news of a change" },
  );
  expect(client.told).toContainEqual(wanted);
}
