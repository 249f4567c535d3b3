// What a client does in each scenario of the suite's client half that needs no OAuth: it does what the scenario wants to see,
// and expects of the gate what a client is owed. The rest is judged by the suite, which is the server behind the gate. What
// only whoever sits in front of the gate can do (take what a form proposes, give back a schema as it was shown) is done here.

import assert from "node:assert/strict";
import { listed, messageFrom, Refused, type EndClient, type Message } from "./end-client.ts";

export type Play = (
  client: EndClient,
  context: Message,
  beforeAnswering: (act: () => Promise<void>) => void,
) => Promise<void>;

export const plays: Readonly<Record<string, Play>> = {
  initialize: seesNoTools,
  "request-metadata": seesNoTools,

  async tools_call(client) {
    assert.deepEqual(await toolNames(client), ["add_numbers"]);
    assert.equal(await called(client, "add_numbers", { a: 5, b: 3 }), "The sum of 5 and 3 is 8");
  },

  async "elicitation-sep1034-client-defaults"(client) {
    const [tool = ""] = await toolNames(client);
    const proposed = { name: "John Doe", age: 30, score: 95.5, status: "active", verified: true };
    assert.equal(await called(client, tool), `Elicitation completed: ${JSON.stringify(proposed)}`);
  },

  async "sse-retry"(client) {
    assert.deepEqual(await toolNames(client), ["test_reconnection"]);
    assert.equal(await called(client, "test_reconnection"), "Reconnection test completed successfully");
  },

  async "sep-2322-client-request-state"(client, _context, beforeAnswering) {
    assert.equal((await toolNames(client)).length, 4);
    // Another call while the first one waits for its answer.
    beforeAnswering(async () => assert.equal(await called(client, "test_mrtr_unrelated"), "unrelated-ok"));
    assert.equal(await called(client, "test_mrtr_echo_state"), "echo-state-ok");
    assert.equal(await called(client, "test_mrtr_no_state"), "no-state-ok");
    assert.equal(await called(client, "test_mrtr_no_result_type"), "no-result-type-test-ok");
  },

  async "http-standard-headers"(client) {
    for (const tool of await toolNames(client)) assert.equal(await called(client, tool), "Headers test completed");
    const resources = await listed(client, "resources/list", "resources");
    assert.equal(resources.length, 2);
    for (const { uri } of resources) await client.request("resources/read", { uri });
    const prompts = await listed(client, "prompts/list", "prompts");
    assert.equal(prompts.length, 1);
    for (const { name } of prompts) await client.request("prompts/get", { name });
  },

  async "http-custom-headers"(client, { toolCalls }) {
    assert.deepEqual(await toolNames(client), ["test_custom_headers", "test_custom_headers_null"]);
    assert(Array.isArray(toolCalls) && toolCalls.length === 2);
    for (const { name, arguments: args } of toolCalls.map(messageFrom))
      assert.equal(await called(client, String(name), messageFrom(args)), "Custom headers test completed");
  },

  async "http-invalid-tool-headers"(client) {
    assert.deepEqual(await toolNames(client), ["valid_tool"]);
    assert.equal(await called(client, "valid_tool", { region: "here" }), "Tool call received");
    // Hidden means uncallable, for who knows the names as well.
    for (const name of unfitTools)
      await assert.rejects(called(client, name, { value: "x" }), (error) => error instanceof Refused);
  },

  async "json-schema-ref-no-deref"(client) {
    const [tool] = await listed(client, "tools/list", "tools");
    const { properties } = messageFrom(tool?.["inputSchema"]);
    assert.match(String(messageFrom(messageFrom(properties)["profile"])["$ref"]), /^http:.*canary/);
  },

  async "json-schema-2020-12-preservation"(client) {
    const tools = await listed(client, "tools/list", "tools");
    const focal = tools.find(({ name }) => name !== "json_schema_echo");
    assert.equal(await called(client, "json_schema_echo", { schema: focal?.["inputSchema"] }), "echoed");
  },
};

const unfitTools = [
  ...["invalid_empty_header", "invalid_object_header", "invalid_array_header", "invalid_null_header"],
  ...["invalid_number_header", "invalid_duplicate_same_case", "invalid_duplicate_diff_case", "invalid_space_in_name"],
  ...["invalid_colon_in_name", "invalid_non_ascii_name", "invalid_control_char_name"],
];

async function seesNoTools(client: EndClient): Promise<void> {
  assert.deepEqual(await toolNames(client), []);
}

async function toolNames(client: EndClient): Promise<string[]> {
  return (await listed(client, "tools/list", "tools")).map(({ name }) => String(name));
}

/** The text of what a tool gave; an answer that is an error throws. */
async function called(client: EndClient, name: string, args: object = {}): Promise<unknown> {
  const { content, isError } = await client.request("tools/call", { name, arguments: args });
  const [first]: unknown[] = Array.isArray(content) ? content : [];
  const { text } = messageFrom(first);
  assert(isError !== true, `${name} failed: ${String(text)}`);
  return text;
}
