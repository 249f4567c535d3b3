// Of a message only the ids and tokens are exchanged: a changed byte anywhere else would be another question or another
// answer, and a message that two readers read differently is not passed on.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { idKey, memberOf, readMessage, withMembers } from "./message.ts";

const seed = Number(process.env["FC_SEED"] ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 1_000 };

test(`all but the exchanged members stays byte for byte (seed ${seed})`, () => {
  const part = fc.json({ maxDepth: 3 });
  const id = fc
    .oneof(fc.integer(), fc.string({ unit: "grapheme", maxLength: 20 }))
    .map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(id, part, part, id, fc.boolean(), (callerId, before, behind, token, isFirst) => {
      const line = (ours: string, progress: string) => {
        const params = `{"a":${before}, "_meta":{"x":${behind},"progressToken": ${progress}}}`;
        const members = [`"id" :${ours}`, `"params":${params}`, `"method":"tools/call"`];
        return `{${(isFirst ? members : members.toReversed()).join(" , ")},"jsonrpc":"2.0"}`;
      };
      const message = readMessage(Buffer.from(line(callerId, token)));
      if (message === undefined) throw new Error("not read");
      expect(withMembers(message, { id: "17", askedToken: "17" }).toString()).toBe(line("17", "17"));
      const back = readMessage(Buffer.from(line("17", "17")));
      expect(back && withMembers(back, { id: callerId, askedToken: token }).toString()).toBe(line(callerId, token));
    }),
    runs,
  );
});

test("what stands between members in several lines stands in one, and texts keep what they escape", () => {
  const message = readMessage(Buffer.from('{\n"jsonrpc":"2.0",\r\n\t"method":"a\\nb"}\n'));
  expect([message?.kind, message?.method, message?.bytes.toString()]).toEqual([
    "notification",
    "a\nb",
    '{ "jsonrpc":"2.0",  \t"method":"a\\nb"} ',
  ]);
});

test("requests, notifications and responses are told apart, and everything else is none of them", () => {
  const kinds: [string, string | undefined][] = [
    ['{"id":1,"method":"x"}', "request"],
    ['{"id":"","method":"x"}', "request"],
    ['{"method":"x"}', "notification"],
    ['{"id":1,"result":null}', "response"],
    ['{"id":null,"error":{}}', "response"],
    ['{"id":1}', undefined],
    ['{"result":{}}', undefined],
    ['{"id":null,"method":"x"}', undefined],
    ['{"id":[1],"method":"x"}', undefined],
    ['{"id":{},"result":1}', undefined],
    ['{"id":true,"method":"x"}', undefined],
    ['{"method":1}', undefined],
    ['{"id":1,"Id":2,"method":"x"}', undefined],
    [`{"id":"${"x".repeat(2_000)}","method":"x"}`, undefined],
    ["[]", undefined],
    ["1", undefined],
    ["", undefined],
  ];
  for (const [text, kind] of kinds) expect([text, readMessage(Buffer.from(text))?.kind]).toEqual([text, kind]);
});

test("names with dots and slashes are found as they are written", () => {
  const text =
    '{"method":"x","params":{"_meta":{"io.modelcontextprotocol\\/subscriptionId":5,"io":{"modelcontextprotocol/subscriptionId":6}}}}';
  const message = readMessage(Buffer.from(text));
  expect(message && memberOf(message, "subscription")).toBe(5);
});

test("one id in two spellings is one id", () => {
  expect(idKey('"a\\u0062"')).toBe(idKey('"ab"'));
  expect(idKey("1.0")).toBe(idKey("1"));
  expect(idKey('"1"')).not.toBe(idKey("1"));
});
