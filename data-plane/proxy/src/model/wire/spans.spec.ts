// Bodies as they go on to a provider, to the byte, against a parser that is slow and obvious: it walks over the text character by
// character and says where the members of the top level stand. Texts are drawn with what trips parsers up: integers of 64 bits,
// escapes in names and values, members in any order, other members called `model` at every depth, all kinds of space; among
// them bodies of 580 kB as Claude Code sends them. One byte more or less would cost the provider's prompt cache.

import { describe, expect, test, vi } from "vitest";
import { testEnvironment } from "../../../../../test/support/environment.ts";
import { seededRandom, seedFromEnv, type SeededRandom } from "../../../../../test/support/random.ts";
import { bodyFor, readRequest, type BodyOperation } from "./request.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 120_000 });

const { scale } = testEnvironment();

type Place = { readonly start: number; readonly end: number };

/** Where each member's value stands, by its path of names; of arrays and what is deeper than two levels nothing is kept. */
function placesIn(text: string): Map<string, Place> {
  const places = new Map<string, Place>();
  let at = 0;
  const space = (): void => {
    while (" \t\r\n".includes(text[at] ?? "?")) at++;
  };
  const string = (): string => {
    const start = at++;
    while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    return String(JSON.parse(text.slice(start, ++at)));
  };
  const list = (close: string, item: () => void): void => {
    at++;
    space();
    while (text[at] !== close) {
      item();
      space();
      if (text[at] === ",") at++;
      space();
    }
    at++;
  };
  const value = (path: readonly string[] | undefined): void => {
    space();
    const start = at;
    if (text[at] === '"') string();
    else if (text[at] === "[") list("]", () => value(undefined));
    else if (text[at] === "{")
      list("}", () => {
        const name = string();
        space();
        at++;
        value(path !== undefined && path.length < 2 ? [...path, name] : undefined);
      });
    else while (at < text.length && !" \t\r\n,]}".includes(text[at] ?? "?")) at++;
    if (path !== undefined) places.set(path.join(">"), { start, end: at });
  };
  value([]);
  return places;
}

/** What the provider shall see. */
function expectedOf(text: string, model: string, asksUsage: boolean): string {
  const places = placesIn(text);
  const edits: [Place | undefined, string][] = [[places.get("model"), JSON.stringify(model)]];
  const options = places.get("stream_options");
  const asked = places.get("stream_options>include_usage");
  const asking = '"include_usage":true';
  const end = places.get("model")?.end ?? 0;
  if (asksUsage) {
    if (asked !== undefined) edits.push([asked, "true"]);
    else if (options === undefined) edits.push([{ start: end, end }, `,"stream_options":{${asking}}`]);
    else if (text.startsWith("null", options.start)) edits.push([options, `{${asking}}`]);
    else {
      const isEmpty = text.slice(options.start + 1, options.end - 1).trim() === "";
      const behind = options.start + 1;
      edits.push([{ start: behind, end: behind }, isEmpty ? asking : `${asking},`]);
    }
  }
  // From the end on, so that places stay what they are.
  edits.sort(([a], [b]) => (b?.start ?? 0) - (a?.start ?? 0));
  return edits.reduce((now, [place, said]) => {
    return place === undefined ? now : now.slice(0, place.start) + said + now.slice(place.end);
  }, text);
}

const oddNumbers = ["18446744073709551615", "9007199254740993", "-9223372036854775808", "1e400", "0.1e-7", "-0", "1.0"];
const oddTexts = ["", "model", '"model":"x"', "\\", "\u2028", "😀", "\ud800", "é\u0000", '{"model":1}', "</script>"];

class Writer {
  readonly #random: SeededRandom;
  constructor(random: SeededRandom) {
    this.#random = random;
  }

  space(): string {
    return this.#random.chance(0.8) ? "" : this.#random.pick([" ", "\n", "\t", "\r\n  "]);
  }

  /** The same text, in one of the ways that JSON has for it. */
  string(plain: string): string {
    if (this.#random.chance(0.7)) return JSON.stringify(plain);
    const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    const units = Array.from({ length: plain.length }, (_, at) => plain.charAt(at));
    // Half of a pair alone is no text in UTF-8.
    const isEscapable = this.#random.chance(0.5);
    return `"${units.map((unit) => (isEscapable || !/[\w ]/.test(unit) ? escaped(unit) : unit)).join("")}"`;
  }

  value(depth: number): string {
    const kind = this.#random.int(depth > 3 ? 3 : 6);
    if (kind === 0) return this.#random.pick(oddNumbers);
    if (kind === 1) return this.string(this.#random.pick(oddTexts));
    if (kind === 2) return this.#random.pick(["true", "false", "null", "7"]);
    const items = Array.from({ length: this.#random.int(4) }, () => this.value(depth + 1));
    if (kind === 3) return `[${this.space()}${items.join(`${this.space()},${this.space()}`)}${this.space()}]`;
    const names = ["model", "stream", "stream_options", "include_usage", "max_tokens", "x", "messages"];
    return this.object(items.map((item) => [this.#random.pick(names), item]));
  }

  object(members: readonly (readonly [name: string, json: string])[]): string {
    const written = members.map(
      ([name, json]) => `${this.space()}${this.string(name)}${this.space()}:${this.space()}${json}${this.space()}`,
    );
    return `{${written.join(",")}${members.length === 0 ? this.space() : ""}}`;
  }
}

/** A body with what decides at its top level once, and anything else around it. */
function bodyOf(random: SeededRandom): { text: string; asksUsage: boolean; isStreamed: boolean } {
  const writer = new Writer(random);
  const isStreamed = random.chance(0.7);
  const include = random.pick([undefined, "true", "false", "null"]);
  const more = random.chance(0.5) ? [["include_obfuscation", "false"] as const] : [];
  const options = random.pick([
    undefined,
    "null",
    writer.object(random.shuffle([...more, ...(include === undefined ? [] : [["include_usage", include] as const])])),
  ]);
  const others = ["messages", "input", "system", "metadata", "user", "x-model", "models", "modell"];
  const members = random.shuffle([
    ["model", writer.string(random.pick(["gpt", "p/claude", "é", "a/b/c", "😀"]))] as const,
    ...(isStreamed ? [["stream", "true"] as const] : []),
    ...(options === undefined ? [] : [["stream_options", options] as const]),
    ...others.filter(() => random.chance(0.5)).map((name) => [name, writer.value(0)] as const),
  ]);
  const said = options === undefined || options === "null" ? undefined : JSON.parse(options).include_usage;
  return { text: writer.object(members), isStreamed, asksUsage: isStreamed && said !== true };
}

function sentOn(text: string, operation: BodyOperation, model: string): Buffer {
  const body = Buffer.from(text);
  const request = readRequest(operation, body);
  if ("problem" in request) throw new Error(`refused as ${request.problem}: ${text.slice(0, 2_000)}`);
  return bodyFor(request, body, model);
}

describe("what goes on to a provider", () => {
  test("is what came, to the byte, but for the spans that a slow and obvious parser finds", () => {
    const random = seededRandom(seedFromEnv());
    const changed = { model: 0, usage: 0 };
    for (let run = 0; run < 5_000 * scale; run++) {
      const { text, asksUsage } = bodyOf(random);
      const model = random.pick(["served", 'odd"\u2028\\', "org/served-é"]);
      const expected = expectedOf(text, model, asksUsage);
      expect(sentOn(text, "chat/completions", model).toString("utf8"), text).toBe(
        Buffer.from(expected).toString("utf8"),
      );
      const asMessages = expectedOf(text, model, false);
      expect(sentOn(text, "messages", model).equals(Buffer.from(asMessages)), text).toBe(true);
      if (asksUsage) changed.usage++;
      changed.model++;
    }
    expect(changed.usage).toBeGreaterThan(changed.model / 10);
  });

  test("is what came, too, of bodies of 580 kB as Claude Code sends them", () => {
    const random = seededRandom(seedFromEnv());
    const writer = new Writer(random);
    for (let run = 0; run < 8 * scale; run++) {
      const text = claudeCodeBody(random, writer);
      const body = Buffer.from(text);
      expect(body.length).toBeGreaterThan(580_000);
      const request = readRequest("messages", body);
      if ("problem" in request) throw new Error(request.problem);
      expect(request).toMatchObject({ model: "p/claude-sonnet-4-5", isStreamed: true, outputTokensAsked: 32_000 });
      const expected = Buffer.from(expectedOf(text, "claude-sonnet-4-5", false));
      expect(bodyFor(request, body, "claude-sonnet-4-5").equals(expected)).toBe(true);
      // And not a byte is touched where the name is right as it is.
      expect(bodyFor(request, body, request.model)).toBe(body);
    }
  });
});

function claudeCodeBody(random: SeededRandom, writer: Writer): string {
  const long = (bytes: number): string =>
    random.pick(["line of code;\n", 'say "model": x\t', "é – 😀 "]).repeat(bytes / 14);
  const text = (said: string) => ({ type: "text", text: said, cache_control: { type: "ephemeral", ttl: "1h" } });
  const system = [text("x-anthropic-billing-header: cc_version=2.1.329"), text(long(20_000))];
  const tools = Array.from({ length: 40 }, (_, index) => ({
    ...{ name: `mcp__tool_${index}`, description: long(2_000), defer_loading: index > 20 },
    input_schema: { type: "object", properties: { model: { type: "string", enum: ["model"] } }, required: ["model"] },
  }));
  const turns = Array.from({ length: 75 }, (_, index) => [
    { role: "user", content: [text(long(4_000)), { type: "tool_reference", tool_name: "model" }] },
    {
      role: index % 7 === 0 ? "system" : "assistant",
      content: [{ type: "tool_use", id: `toolu_${index}`, name: "x", input: { model: "no", args: [long(2_500)] } }],
    },
  ]).flat();
  const members: (readonly [string, string])[] = [
    ["model", '"p/claude-sonnet-4-5"'],
    ["messages", JSON.stringify(turns)],
    ["system", JSON.stringify(system)],
    ["tools", JSON.stringify(tools)],
    ["metadata", '{"user_id":"{\\"device_id\\":\\"x\\",\\"model\\":\\"y\\"}","big":18446744073709551615}'],
    ["max_tokens", "32000"],
    ["thinking", '{"type":"adaptive"}'],
    ["context_management", '{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}'],
    ["output_config", '{"effort":"high"}'],
    ["stream", "true"],
  ];
  return writer.object(random.chance(0.5) ? members : random.shuffle(members));
}
