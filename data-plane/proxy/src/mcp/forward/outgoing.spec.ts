// A modern client's request as a legacy server gets it, against the obvious way: parse, change, print. What is of this hop goes,
// the token becomes the hop's, and all else stays, whatever stands beside it and however it is written.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../../../../../test/support/random.ts";
import { noCapabilities } from "../capability-set.ts";
import type { Client } from "../client.ts";
import { readEnvelope } from "../wire/envelope.ts";
import { outgoingBody } from "./outgoing.ts";

const seed = seedFromEnv();
const prefix = "io.modelcontextprotocol/";
const client: Client = { era: "modern", version: "2026-07-28", capabilities: noCapabilities, info: '{"name":"c"}' };

const hop: Readonly<Record<string, string>> = {
  [`${prefix}protocolVersion`]: '"2026-07-28"',
  [`${prefix}clientInfo`]: '{"name":"c","version":"1, {\\"}\\""}',
  [`${prefix}clientCapabilities`]: '{ "sampling": {} }',
  [`${prefix}logLevel`]: '"info"',
};
const others: Readonly<Record<string, string>> = {
  progressToken: '"t-1"',
  traceparent: '"00-1"',
  [`${prefix}other`]: "[1, 2]",
  "claudecode/toolUseId": '"u"',
  "": "null",
};

const space = fc.oneof({ weight: 6, arbitrary: fc.constant("") }, fc.constantFrom(" ", "\n", "\t "));
const none = fc.constant("");
const escapedOf = (name: string): string =>
  name === "" ? '""' : `"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}"`;
/** As clients print it and with what they send, or in any way and with anything. */
const metaText = fc.tuple(fc.boolean(), fc.boolean()).chain(([isTight, isUsual]) => {
  const around = isTight ? none : space;
  return fc
    .shuffledSubarray(Object.entries(isUsual ? { ...hop, progressToken: '"t-1"' } : { ...hop, ...others }))
    .chain((members) =>
      fc.tuple(
        ...members.map(([name, value]) =>
          fc.tuple(isTight ? fc.constant(true) : fc.boolean(), around, around).map(([isPlain, before, behind]) => {
            return `${before}${isPlain ? JSON.stringify(name) : escapedOf(name)}:${behind}${value}`;
          }),
        ),
      ),
    )
    .chain((members) => around.map((behind) => `{${members.join(",")}${behind}}`));
});
const args = '{"n":12345678901234567890,"text":"\\u00e9"}';

test("what is of the hop goes to no legacy server, and all else of `_meta` does, in its order", () => {
  fc.assert(
    fc.property(metaText, fc.boolean(), fc.boolean(), (meta, isFirst, isIdLast) => {
      const members = [`"name":"srv__echo","arguments":${args}`, `"_meta":${meta}`];
      if (isFirst) members.reverse();
      const rest = ['"id":"a"', `"params":{${members.join(",")}}`];
      if (isIdLast) rest.reverse();
      const body = Buffer.from(`{"jsonrpc":"2.0","method":"tools/call",${rest.join(",")}}`);
      const envelope = readEnvelope(body);
      if (envelope.kind !== "request" || envelope.at["params>name"] === undefined) throw new Error("no request");
      const name = { at: envelope.at["params>name"], own: "echo" };
      const sent = outgoingBody({ body, envelope, client, name, level: undefined }, "legacy", 7).toString();
      const ought: { id: unknown; params: Record<string, unknown> } = JSON.parse(body.toString());
      const kept = Object.entries(JSON.parse(meta)).filter(([key]) => hop[key] === undefined);
      ought.id = 7;
      ought.params["name"] = "echo";
      ought.params["_meta"] = Object.fromEntries(kept.map(([key, of]) => [key, key === "progressToken" ? 7 : of]));
      expect(JSON.stringify(JSON.parse(sent))).toBe(JSON.stringify(ought));
      expect(sent).toContain(args);
    }),
    { seed, numRuns: 2_000 },
  );
});
