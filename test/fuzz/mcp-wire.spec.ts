// The bytes of MCP messages, as they pass through the gate: events cut anywhere are the same events, headers bring back what was
// put into them, and a message comes out as it went in but for the parts that the gate has to change. What would go wrong
// here would go wrong in the one message in a million that nobody looks at.

import { Edits, rebuilt } from "@tollgate/proxy/bytes/edits";
import { readEnvelope } from "@tollgate/proxy/mcp/wire/envelope";
import { EventReader } from "@tollgate/proxy/bytes/event-reader";
import { eventOf } from "@tollgate/proxy/mcp/wire/events";
import { headerValueOf, textOfHeader } from "@tollgate/proxy/mcp/wire/header-value";
import { memberFinder, textOf, visitMembers, type Span } from "@tollgate/proxy/bytes/members";
import { readServerMessage } from "@tollgate/proxy/mcp/wire/message";
import { capabilitySetOf } from "@tollgate/proxy/mcp/capability-set";
import { resultFor } from "@tollgate/proxy/mcp/forward/incoming";
import { outgoingBody } from "@tollgate/proxy/mcp/forward/outgoing";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { seedFromEnv } from "../support/random.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const seed = seedFromEnv();
const many = { seed, numRuns: 2_000 };

type Read = {
  events: { data: string; type: string | undefined }[];
  lastId: string | undefined;
  retryMs: number | undefined;
};

function read(pieces: readonly Uint8Array[], isEnded: boolean): Read {
  const events: Read["events"] = [];
  const reader = new EventReader(1 << 20, ({ data, type }) => events.push({ data: data.toString("utf8"), type }));
  for (const piece of pieces) expect(reader.push(Buffer.from(piece))).toBe(true);
  if (isEnded) reader.end();
  return { events, ...reader.marks() };
}

/** In pieces that end at the places given, which may be the same or beyond the end. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe(`server-sent events (seed ${seed})`, () => {
  const places = fc.array(fc.nat(), { maxLength: 12 });
  const lineEnd = fc.constantFrom("\n", "\r", "\r\n");
  const field = fc.constantFrom("data", "data", "data", "id", "event", "retry", "", "other", "dat", "data2");
  const value = fc.oneof(
    fc.constantFrom("", " ", "message", "7", '{"a":1}', " two", ":", "é\u{1f600}"),
    fc.string({ unit: "binary" }).map((text) => text.replaceAll(/[\r\n]/g, "")),
  );
  const line = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(field, fc.constantFrom(":", ": ", ""), value).map((parts) => parts.join("")) },
    { weight: 3, arbitrary: fc.constant("") },
  );
  const stream = fc.array(line, { maxLength: 24 });

  test("a stream is the same, wherever it is cut and however its lines end", () => {
    fc.assert(
      fc.property(stream, lineEnd, places, fc.boolean(), (lines, end, at, isEnded) => {
        const plain = Buffer.from(lines.map((text) => `${text}\n`).join(""));
        const sent = Buffer.from(lines.map((text) => text + end).join(""));
        const whole = read([plain], isEnded);
        expect(read(cut(sent, at), isEnded)).toEqual(whole);
        expect(
          read(
            [...sent].map((byte) => Uint8Array.of(byte)),
            isEnded,
          ),
        ).toEqual(whole);
      }),
      many,
    );
  });

  test("a stream that breaks off has named no event that it did not bring", () => {
    const messages = fc.array(fc.json(), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(messages, fc.nat(), (texts, at) => {
        const sent = Buffer.concat(texts.map((text, index) => eventOf(Buffer.from(text), `e-${index}`)));
        const broken = read([sent.subarray(0, at % (sent.length + 1))], false);
        // From there it is taken up again: what is not behind that id is lost.
        const named = broken.lastId === undefined ? 0 : Number(broken.lastId.slice(2)) + 1;
        expect(named).toBe(broken.events.length);
      }),
      many,
    );
  });

  test("what is written is what is read, whatever line breaks stand in it", () => {
    const spaced = fc
      .tuple(fc.json(), fc.constantFrom("", "\n", "\r\n", "\r", "\n\n", " "))
      .map(([json, space]) => json.replaceAll(/^|$/g, space));
    fc.assert(
      fc.property(
        spaced,
        fc.option(fc.stringMatching(/^[a-z0-9-]{1,20}$/), { nil: undefined }),
        places,
        (text, id, at) => {
          const { events, lastId } = read(cut(eventOf(Buffer.from(text), id), at), false);
          expect(events).toEqual([{ data: text.replaceAll(/\r\n?/g, "\n"), type: "message" }]);
          expect(lastId).toBe(id);
          expect(JSON.parse(events[0]?.data ?? "")).toEqual(JSON.parse(text));
        },
      ),
      many,
    );
  });

  test("noise is read without a failure, in the same way wherever it is cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), places, (bytes, at) => {
        expect(read(cut(bytes, at), true)).toEqual(read([bytes], true));
      }),
      many,
    );
  });

  test("an event beyond its bound is told of, however it comes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.constantFrom("data: ", "id: ", ": ", "data: a\ndata: "),
        (size, head) => {
          const reader = new EventReader(1_000, () => undefined);
          const sent = Buffer.from(head + "x".repeat(4_000));
          let isWithin = true;
          for (let at = 0; at < sent.length && isWithin; at += size)
            isWithin = reader.push(sent.subarray(at, at + size));
          expect(isWithin).toBe(false);
        },
      ),
      { seed, numRuns: 300 },
    );
  });
});

describe("values of headers", () => {
  test("bring back any text, in characters that any hop lets through", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "",
        " ",
        "=?base64?",
        "=?base64?=",
        "=?base64??=",
        "=?base64?YQ==?=",
        "a b",
        " a",
        "a\t",
        "\r\nx: y",
      ),
    );
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(text.isWellFormed());
        const value = headerValueOf(text);
        expect(value).toMatch(/^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/);
        expect(textOfHeader(value)).toBe(text);
      }),
      many,
    );
  });

  test("that nobody writes are no text, and none is read in two ways", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map((code) => `=?base64?${code}?=`),
        ),
        (value) => {
          const text = textOfHeader(value);
          if (text !== undefined && value.startsWith("=?base64?") && value.endsWith("?=") && value.length >= 11)
            expect(`=?base64?${Buffer.from(text).toString("base64")}?=`).toBe(value);
          else if (text !== undefined) expect(text).toBe(value);
        },
      ),
      many,
    );
  });
});

/** JSON as people and programs write it: spaces, escapes, numbers that no double holds, doubled names within values. */
const literal = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    '"\\u0061\\/"',
    "12345678901234567890",
    "1.50",
    "-0",
    "1e400",
    '{"a":1,"a":2}',
    "[ 1 , 2 ]",
    '"é"',
    "{ }",
  ),
);
const space = fc.constantFrom("", " ", "\n", "\t ", "\r\n");
const nameOf = (names: readonly string[]) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...names) },
    fc.string({ maxLength: 6 }).filter((name) => /^[a-z]*$/.test(name)),
  );

type Member = { name: string; value: string; around: string };

function objectOf(names: readonly string[], values: { readonly [name: string]: fc.Arbitrary<string> } = {}) {
  const member = nameOf(names).chain((name) =>
    fc.record({ name: fc.constant(name), value: values[name] ?? literal, around: space }),
  );
  return fc.uniqueArray(member, { selector: ({ name }) => name, maxLength: 7 });
}

function printed(members: readonly Member[]): string {
  const inner = members.map(
    ({ name, value, around }) => `${around}${JSON.stringify(name)}${around}:${around}${value}${around}`,
  );
  return `{${inner.join(",")}}`;
}

/** The text of each member, by its name. */
function textsIn(bytes: Uint8Array, within: Span = { start: 0, end: bytes.length }): Map<string, string> {
  const texts = new Map<string, string>();
  visitMembers(
    bytes,
    within,
    (key, value) =>
      void texts.set(String(JSON.parse(textOf(bytes, key.start, key.end))), textOf(bytes, value.start, value.end)),
  );
  return texts;
}

describe("edited messages", () => {
  test("spans get what they are given, and every other byte stays", () => {
    const find = memberFinder(["a", "b", "c>d"]);
    const object = objectOf(["a", "b", "c", "x"], { c: objectOf(["d", "e"]).map(printed) });
    fc.assert(
      fc.property(object, literal, literal, (members, first, second) => {
        const text = printed(members);
        const bytes = Buffer.from(text);
        const spans = find(bytes);
        const edits = new Edits();
        let expected = text;
        const at = (span: Span) => [bytes.subarray(0, span.start), bytes.subarray(span.end)].map(String);
        const wanted = [spans.a, spans["c>d"]].flatMap((span) => span ?? []).sort((x, y) => y.start - x.start);
        for (const [index, span] of wanted.entries()) edits.replace(span, index === 0 ? first : second);
        for (const [index, span] of wanted.entries()) {
          const head = at(span)[0] ?? "";
          expected = head + (index === 0 ? first : second) + expected.slice(textOf(bytes, 0, span.end).length);
        }
        expect(edits.apply(bytes).toString("utf8")).toBe(expected);
      }),
      many,
    );
  });

  test("an object that is made anew has what is kept as it was, what is replaced, and what is added", () => {
    const names = ["keep", "drop", "swap", "other"];
    fc.assert(
      fc.property(objectOf(names), literal, literal, (members, swapped, added) => {
        const bytes = Buffer.from(printed(members));
        const made = rebuilt(
          bytes,
          { start: 0, end: bytes.length },
          {
            keeps: (name) => name !== "drop",
            replaces: new Map([["swap", swapped]]),
            adds: [["new/one", added]],
          },
        );
        const before = textsIn(bytes);
        const expected = new Map([...before].filter(([name]) => name !== "drop"));
        if (expected.has("swap")) expected.set("swap", swapped.trim());
        expected.set("new/one", added.trim());
        expect([...textsIn(made)]).toEqual([...expected]);
        expect(() => JSON.parse(made.toString("utf8"))).not.toThrow();
      }),
      many,
    );
  });
});

describe("results on their way to a client", () => {
  const own = ["resultType", "ttlMs", "cacheScope", "structuredContent", "content", "_meta", "isError"];
  const values = { resultType: fc.constantFrom('"complete"', '"input_required"'), structuredContent: literal };
  const eras = fc.constantFrom("legacy", "modern") as fc.Arbitrary<"legacy" | "modern">; // No more than these are drawn.
  const methods = fc.constantFrom("tools/call", "resources/read", "prompts/get", "completion/complete");

  test("have the client's id, and every member that both eras know byte for byte", () => {
    fc.assert(
      fc.property(
        objectOf(own, values),
        eras,
        eras,
        methods,
        space,
        literal,
        (members, to, from, method, around, id) => {
          const result = printed(members);
          const bytes = Buffer.from(`{"x":1${around},"result":${around}${result}${around},"jsonrpc":"2.0","id":77}`);
          const message = readServerMessage(bytes);
          if (message?.kind !== "response") throw new Error(`no response: ${bytes.toString("utf8")}`);
          const sent = resultFor(to, from, method, id.trim(), message);
          const top = textsIn(sent);
          expect(top.get("id")).toBe(id.trim());
          expect([top.get("x"), top.get("jsonrpc")]).toEqual(["1", '"2.0"']);
          if (to === from) {
            expect(sent.toString("utf8")).toBe(bytes.toString("utf8").replace(/77\}$/, () => `${id.trim()}}`));
            return;
          }
          const before = textsIn(Buffer.from(result));
          const after = textsIn(Buffer.from(top.get("result") ?? "{}"));
          for (const [name, text] of before) {
            const isModern = ["resultType", "ttlMs", "cacheScope"].includes(name);
            const isUnheld = name === "structuredContent" && !text.startsWith("{");
            if (to === "legacy" && (isModern || isUnheld)) expect(after.has(name), name).toBe(false);
            else expect(after.get(name), name).toBe(text);
          }
          const added = [...after.keys()].filter((name) => !before.has(name));
          const mayBeAdded =
            to === "legacy" ? [] : ["resultType", ...(method === "resources/read" ? ["ttlMs", "cacheScope"] : [])];
          expect(
            added.every((name) => mayBeAdded.includes(name)),
            added.join(),
          ).toBe(true);
          if (to === "modern") expect(after.has("resultType")).toBe(true);
          expect(() => JSON.parse(sent.toString("utf8"))).not.toThrow();
        },
      ),
      many,
    );
  });
});

describe("requests on their way to a server", () => {
  const meta = "io.modelcontextprotocol/";
  const reserved = ["protocolVersion", "clientInfo", "clientCapabilities", "logLevel"].map((name) => meta + name);
  const metaValues = {
    progressToken: fc.constantFrom("7", '"t"', '"\\u0074"'),
    [`${meta}clientCapabilities`]: fc.constantFrom("{}", '{"roots": { }}'),
  };
  const params = objectOf(["arguments", "name", "_meta", "requestState", "inputResponses", "x/y"], {
    _meta: objectOf(["progressToken", "own/key", "traceparent", ...reserved], metaValues).map(printed),
    name: fc.constantFrom('"shown"', '"\\u0073hown"'),
  });
  const eras = fc.constantFrom("legacy", "modern") as fc.Arbitrary<"legacy" | "modern">; // No more than these are drawn.

  test("carry the ids of that hop, the server's name, and all else as the client wrote it", () => {
    const capabilities = capabilitySetOf('{"roots":{}}');
    if (capabilities === undefined) throw new Error("no capabilities");
    fc.assert(
      fc.property(params, eras, eras, space, fc.constantFrom("shown", "own name"), (members, era, to, around, own) => {
        const text = printed(members);
        const body = Buffer.from(`{${around}"id":"é","method":"tools/call",${around}"params":${text},"jsonrpc":"2.0"}`);
        const envelope = readEnvelope(body);
        if (envelope.kind !== "request") throw new Error(`no request: ${body.toString("utf8")}`);
        const client = { era, version: "", capabilities, info: '{"name":"c","version":"1"}' };
        const at = envelope.at["params>name"];
        const name = at && { at, own };
        const sent = outgoingBody({ body, envelope, client, name, level: undefined }, to, 4711);
        const top = textsIn(sent);
        expect([top.get("id"), top.get("method"), top.get("jsonrpc")]).toEqual(["4711", '"tools/call"', '"2.0"']);
        const before = textsIn(Buffer.from(text));
        const after = textsIn(Buffer.from(top.get("params") ?? "{}"));
        for (const [member, value] of before) {
          if (member === "_meta") continue;
          if (member === "name") expect(JSON.parse(after.get("name") ?? "null")).toBe(own);
          else if (era !== to && ["requestState", "inputResponses"].includes(member))
            expect(after.has(member)).toBe(false);
          else expect(after.get(member), member).toBe(value);
        }
        const metaBefore = textsIn(Buffer.from(before.get("_meta") ?? "{}"));
        const metaAfter = textsIn(Buffer.from(after.get("_meta") ?? "{}"));
        for (const [key, value] of metaBefore) {
          if (key === "progressToken") expect(metaAfter.get(key)).toBe("4711");
          else if (!reserved.includes(key) || era === to) expect(metaAfter.get(key), key).toBe(value);
          else if (to === "legacy") expect(metaAfter.has(key), key).toBe(false);
        }
        if (era !== to && to === "modern") expect(metaAfter.get(`${meta}protocolVersion`)).toBe('"2026-07-28"');
        if (era === to) {
          // But for what was to be changed, not a byte is another.
          const changed = new Set(["id", "params"]);
          const kept = (texts: Map<string, string>) => [...texts].filter(([member]) => !changed.has(member));
          expect(kept(top)).toEqual(kept(textsIn(body)));
          if (own === "shown" && !metaBefore.has("progressToken"))
            expect(sent.toString("utf8")).toBe(body.toString("utf8").replace('"id":"é"', '"id":4711'));
        }
        expect(() => JSON.parse(sent.toString("utf8"))).not.toThrow();
      }),
      many,
    );
  });
});
