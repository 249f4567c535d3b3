// The scanner accepts what `JSON.parse` accepts, and no more: were it more lenient, the gate would decide on a message that
// a server reads differently; were it stricter, honest calls would fail.

import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { listedMembersMax, memberFinder, MemberRefusal, textOf, valueOf, visitElements, type Span } from "./members.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 60_000 });

const seed = Number(process.env["FC_SEED"] ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 2_000 };
const find = memberFinder(["id", "method", "params", "params>name"]);

function scan(text: string): "accepted" | MemberRefusal["problem"] {
  try {
    find(Buffer.from(text));
    return "accepted";
  } catch (error) {
    if (error instanceof MemberRefusal) return error.problem;
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Texts near to JSON: a valid one with a few characters changed, removed or doubled. */
const nearJson = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]":,\\ \n\t0-1.eEu"truefalsn\u00e9\u0001', "")), {
      maxLength: 3,
    }),
  )
  .map(([json, edits]) =>
    edits.reduce((text, [at, piece]) => {
      const index = text.length === 0 ? 0 : at % text.length;
      return text.slice(0, index) + piece + text.slice(index + 1);
    }, json),
  );

describe(`against JSON.parse (seed ${seed})`, () => {
  test("what is not JSON is refused, and what is JSON is not called otherwise", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), nearJson, fc.string(), fc.string({ unit: "binary" })), (text) => {
        const sent = Buffer.from(text).toString("utf8");
        const said = scan(sent);
        if (isJson(sent)) expect(said).not.toBe("not-json");
        // What comes first is told: the second of two names may stand before what is no JSON.
        else expect(["not-json", "duplicate-member"]).toContain(said);
      }),
      runs,
    );
  });

  test("a member's span holds its value, wherever it stands and however its name is written", () => {
    const member = fc.tuple(
      fc.constantFrom('"id"', '"i\\u0064"', '"method"', '"params"', '"other"'),
      fc.json({ maxDepth: 3 }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: ([name]) => JSON.parse(name) }), (members) => {
        const text = `{${members.map(([name, value]) => `${name} :\t${value}`).join(" ,\n")}}`;
        const bytes = Buffer.from(text);
        const spans = find(bytes);
        for (const [name, value] of members) {
          const key: unknown = JSON.parse(name);
          const span = key === "id" || key === "method" || key === "params" ? spans[key] : undefined;
          if (span !== undefined) expect(textOf(bytes, span.start, span.end)).toBe(value.trim());
          else expect(key).toBe("other");
        }
      }),
      runs,
    );
  });
});

test("a wanted member that another reader could see twice is refused, at its own level only", () => {
  const twice = ['"id"', '"i\\u0064"', '"ID"', '"Id"', '"\\u0049d"'];
  for (const name of twice) expect(scan(`{"id":1,${name}:2}`), name).toBe("duplicate-member");
  // Go folds these to `s`: a server written in it would take the second name.
  expect(scan('{"params":{"name":"a"},"param\u017f":{"name":"b"}}')).toBe("duplicate-member");
  expect(scan('{"params":{"name":"a"},"params":{}}')).toBe("duplicate-member");
  expect(scan('{"params":{},"params":{"name":"a"}}')).toBe("duplicate-member");
  expect(scan('{"params":{"name":"a","NAME":"b"}}')).toBe("duplicate-member");
  expect(scan('{"name":1,"params":{"arguments":{"name":1,"name":2,"id":3},"id":1},"id":2}')).toBe("accepted");
});

test("a name with dots is one name, and not a path", () => {
  const bytes = Buffer.from('{"a":{"b":1},"a.b":2,"c":{"d.e\\/f":3,"d":{"e/f":4}}}');
  const spans = memberFinder(["a.b", "a>b", "c>d.e/f"])(bytes);
  const valueAt = (span: Span | undefined) => span && valueOf(bytes, span);
  expect([valueAt(spans["a.b"]), valueAt(spans["a>b"]), valueAt(spans["c>d.e/f"])]).toEqual([2, 1, 3]);
});

test("depth, type and encoding are bounded", () => {
  expect(scan("[".repeat(128) + "]".repeat(128))).toBe("not-an-object");
  expect(scan("[".repeat(100_000))).toBe("too-deep");
  expect(scan(`{"a":${"[".repeat(127)}${"]".repeat(127)}}`)).toBe("accepted");
  expect(scan(`{"a":${"[".repeat(128)}${"]".repeat(128)}}`)).toBe("too-deep");
  expect(() => find(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toThrow(MemberRefusal);
  expect(scan('\ufeff{"id":1}')).toBe("not-json");
});

test("the elements of an array are found as they stand", () => {
  const bytes = Buffer.from('{"params":[ {"name": "a,]"} ,2, "x" ] }');
  const span = find(bytes).params;
  const elements: Span[] = [];
  if (span !== undefined) visitElements(bytes, span, (element) => elements.push(element));
  expect(elements.map(({ start, end }) => textOf(bytes, start, end))).toEqual(['{"name": "a,]"}', "2", '"x"']);
  expect(elements[2] && valueOf(bytes, elements[2])).toBe("x");
});

test("members of an array's objects are found in their order, each read as strictly as any other", () => {
  const findAll = memberFinder(["list>*>name", "list>*>id", "name"]);
  const namesIn = (text: string) => {
    const bytes = Buffer.from(text);
    return findAll(bytes)["list>*>name"].map((span) => textOf(bytes, span.start, span.end));
  };
  expect(namesIn('{"list":[{"name":1,"x":{"name":2}},[{"name":3}],{"id":4},"name",{ "n\\u0061me" : [5] }]}')).toEqual([
    "1",
    "[5]",
  ]);
  for (const none of ['{"list":{"name":1}}', '{"list":[]}', '{"lists":[{"name":1}],"name":2}'])
    expect(namesIn(none)).toEqual([]);
  for (const twice of ['{"list":[{"name":1,"name":2}]}', '{"list":[{"NAME":1}]}', '{"list":[],"list":[]}'])
    expect(() => namesIn(twice), twice).toThrow(MemberRefusal);
  expect(namesIn(`{"list":[${'{"name":1},'.repeat(1_000)}{}]}`)).toHaveLength(listedMembersMax);
});
