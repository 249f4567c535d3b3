// The mock as a program: what a benchmark or a demonstration starts has to be the same provider as the one in a test's own
// process, and has to be told and asked over the wire.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startProcess } from "../../test/support/processes.ts";
import { fetchRaw } from "./raw-client.fixture.ts";

const entry = fileURLToPath(new URL("main.ts", import.meta.url));
const body = { model: "claude-test-5", max_tokens: 100, messages: [{ role: "user", content: "[[reply:greeting]]" }] };

test("it is told under /mock/ what to do, answers, and says there what it bills", async () => {
  await using program = await startProcess({ name: "mock provider", args: [entry, "--model", "claude-test-5"] });
  const [, url = ""] = await program.waitForLine(/"url":"(http[^"]+)"/);
  const call = async (key: string) => {
    const headers = { "x-api-key": key, "anthropic-version": "2023-06-01" };
    const { status, body: answer } = await fetchRaw(`${url}/v1/messages`, { headers, body });
    return { status, answer: answer.toString() };
  };
  expect(await call("of a test")).toMatchObject({ status: 400, answer: expect.stringContaining("named greeting") });
  const put = (path: string, value: unknown) => fetchRaw(`${url}/mock/${path}`, { method: "PUT", body: value });
  await put("replies/greeting", { content: [{ type: "text", text: "Hello, you" }] });
  await put("credentials/of%20another", { fail: { status: 529 }, times: 1 });
  expect(await call("of a test")).toMatchObject({ status: 200, answer: expect.stringContaining("Hello, you") });
  expect(await call("of another")).toMatchObject({ status: 529 });
  const bill = await fetchRaw(`${url}/mock/bill`, { method: "GET" });
  expect(JSON.parse(bill.body.toString())).toMatchObject([{ credential: "of a test", usage: { outputTokens: 3 } }]);
  expect(await fetchRaw(`${url}/mock/else`, { method: "GET" })).toMatchObject({ status: 404 });
  program.kill("SIGTERM");
  expect(await program.waitForExit()).toEqual({ code: 0, signal: null });
});
