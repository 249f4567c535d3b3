// What is read of a request decides who pays for which model. Read in another way than the provider reads it, a client could
// name one model to the gate and another to the provider, or be billed for less than it may use; and a body that is changed
// anywhere else loses the provider's prompt cache.

import { limits } from "@tollgate/kernel/limits";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { seedFromEnv } from "../../../../../test/support/random.ts";
import { bodyFor, readRequest, type BodyOperation, type ModelRequest } from "./request.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 60_000 });

const seed = seedFromEnv();

function read(text: string, operation: BodyOperation = "chat/completions"): ModelRequest {
  const request = readRequest(operation, Buffer.from(text));
  if ("problem" in request) throw new Error(`refused: ${request.problem}`);
  return request;
}

function problemOf(text: string | Buffer): string | undefined {
  const request = readRequest("messages", Buffer.from(text));
  return "problem" in request ? request.problem : undefined;
}

const sent = (text: string, model = "served", operation: BodyOperation = "chat/completions") =>
  bodyFor(read(text, operation), Buffer.from(text), model).toString("utf8");

describe("what is read", () => {
  test("is the top level's, wherever it stands and however its names are written", () => {
    const request = read(
      '{ "messages":[{"model":"m1","stream":false}], "mod\\u0065l" : "cl\\u0061ude" ,"stream":true,"tools":[{"model":1}],"max_tokens":32000,"n":2,"service_tier":"flex"}',
      "messages",
    );
    expect(request).toMatchObject({
      model: "claude",
      isStreamed: true,
      outputTokensAsked: 32_000,
      choices: 2,
      serviceTier: "flex",
      hasInputElsewhere: false,
    });
  });

  test("is refused where another reader could read something else", () => {
    for (const twice of ['"model"', '"mod\\u0065l"', '"Model"', '"MODEL"'])
      expect(problemOf(`{"model":"a",${twice}:"b"}`), twice).toBe("duplicate-member");
    expect(problemOf('{"model":"a","stream":true,"stream":false}')).toBe("duplicate-member");
    expect(problemOf('{"model":"a","stream_options":{"include_usage":true,"include_usage":false}}')).toBe(
      "duplicate-member",
    );
    expect(problemOf('{"model":"a","max_tokens":1,"max_token\u017f":100000}')).toBe("duplicate-member");
    // Not of the top level, and so not of the gate's concern.
    expect(problemOf('{"model":"a","messages":[{"model":1,"model":2}],"x":{"stream":1,"stream":2}}')).toBeUndefined();
  });

  test("is refused where it names no model or is no JSON object", () => {
    for (const value of ["1", "null", '""', '["a"]', '{"a":"b"}', "true"])
      expect(problemOf(`{"model":${value}}`), value).toBe("model-missing");
    expect(problemOf("{}")).toBe("model-missing");
    expect(problemOf(`{"model":"${"x".repeat(300)}"}`)).toBe("model-too-long");
    for (const text of ["", "{", '{"model":"a"', '{"model":"a"}}', "{'model':'a'}", '{"model":"a",}', "null x"])
      expect(problemOf(text), text).toBe("not-json");
    expect(problemOf('["model"]')).toBe("not-an-object");
    expect(problemOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe("not-json");
    expect(problemOf(`{"model":"a","x":${"[".repeat(200)}${"]".repeat(200)}}`)).toBe("too-deep");
  });

  test("never bounds a call by a number that is not surely understood", () => {
    const asked = (members: string) => read(`{"model":"a",${members}}`).outputTokensAsked;
    expect(asked('"max_tokens":7')).toBe(7);
    expect(asked('"max_tokens":1e3')).toBe(1_000);
    expect(asked('"max_tokens":5,"max_completion_tokens":50')).toBe(50);
    expect(asked('"max_output_tokens":9,"max_tokens":null')).toBe(9);
    for (const odd of ['"7"', "-1", "0.5", "1e400", "18446744073709551615", "[7]", "true", `1${"0".repeat(40)}`]) {
      expect(asked(`"max_tokens":${odd}`), odd).toBeUndefined();
      expect(asked(`"max_tokens":5,"max_completion_tokens":${odd}`), odd).toBeUndefined();
    }
    expect(asked('"x":1')).toBeUndefined();
    const choices = (value: string) => read(`{"model":"a","n":${value}}`).choices;
    expect(["3", "null", "0", '"2"', "-4", "1.5", "129"].map(choices)).toEqual([3, 1, 1, 128, 128, 128, 128]);
    expect(read('{"model":"a","max_tokens":9007199254740991}').outputTokensAsked).toBe(limits.modelTokensMax);
  });

  test("has the speed that was asked for as a tier", () => {
    const tier = (more: string) => read(`{"model":"a",${more}}`, "messages").serviceTier;
    expect(tier('"speed":"fast","service_tier":"auto"')).toBe("fast");
    expect(tier('"speed":"standard","service_tier":"auto"')).toBe("auto");
  });

  test("says where more is read than the body holds", () => {
    const members = ['"previous_response_id":"resp_1"', '"conversation":{"id":"c"}', '"prompt":{"id":"p"}'];
    for (const member of [...members, '"thread":{"type":"continue","previous_message_id":"msg_1"}'])
      expect(read(`{"model":"a",${member}}`, "responses").hasInputElsewhere, member).toBe(true);
    expect(read('{"model":"a","previous_response_id":null}', "responses").hasInputElsewhere).toBe(false);
  });

  test("says whether the provider may run tools, and how often", () => {
    const tools = (text: string) => read(`{"model":"a","tools":[${text}]}`);
    const search = '{"type":"web_search_20260209","name":"web_search","max_uses":5}';
    expect(tools(`${search},{"type":"web_fetch_20260209","max_uses":2},{"max_uses":-1}`)).toMatchObject({
      ...{ hasServerTools: true, serverToolUsesMax: 7 },
    });
    expect(tools('{"type":"web_search"}')).toMatchObject({ hasServerTools: true, serverToolUsesMax: 0 });
    expect(tools(`${search.replace("5", "5000000")}`).serverToolUsesMax).toBe(1_000);
    expect(tools('{"type":"function"},{"type":"custom"},{"name":"web_search"},{"type":"bash_20250124"}')).toMatchObject(
      {
        ...{ hasServerTools: false, serverToolUsesMax: 0 },
      },
    );
    for (const more of ['"mcp_servers":[{}]', '"web_search_options":{}'])
      expect(read(`{"model":"a",${more}}`).hasServerTools, more).toBe(true);
  });

  test("says so of files and images that the provider fetches, and not of those in the body or of texts about them", () => {
    const inMessages = (content: string): boolean =>
      read(`{"model":"a","messages":[{"role":"user","content":[${content}]}]}`, "messages").hasInputElsewhere;
    for (const fetched of [
      '{"type":"image","source":{"type":"url","url":"https://a.example/"}}',
      '{"type":"document","source":{ "type" : "file" , "file_id" : "file_1" }}',
      '{"type":"image_url","image_url":{"url":"https://a.example/"}}',
      '{"type":"image_url","image_url":{"detail":"low", "url" : "https://a.example/"}}',
      '{"type":"input_image","image_url":"https://a.example/"}',
      '{"type":"input_file","file_url":"https://a.example/"}',
      '{"type":"file","file":{"file_id":"file_1"}}',
    ])
      expect(inMessages(fetched), fetched).toBe(true);
    for (const here of [
      '{"type":"image","source":{"type":"base64","data":"AAAA"}}',
      '{"type":"image_url","image_url":{"detail":"low","url":"data:image/png;base64,AAAA"}}',
      '{"type":"input_image","image_url":"data:image/png;base64,AAAA"}',
      JSON.stringify({ type: "text", text: '{"type":"url","file_id":"f","image_url":"https://a.example/"}' }),
      '{"type":"tool_use","input":{"url":"https://a.example/","properties":{"file_id":{"type":"string"}}}}',
    ])
      expect(inMessages(here), here).toBe(false);
  });
});

describe("models besides the one that is asked for", () => {
  test("are found where a provider would use them, and nowhere else", () => {
    const request = read(
      '{"model":"a","fallbacks":[{"model":"b","max_tokens":5},{"m\\u006fdel":"c"}],"tools":[{"name":"x","input_schema":{"properties":{"model":{"type":"string"}},"model":"no"}},{"type":"advisor_20260301","name":"advisor","model":"d"},"model",["model"],{"type":"image_generation","model":5}],"messages":[{"model":"no"}],"fallback":[{"model":"no"}]}',
      "messages",
    );
    expect(request).toMatchObject({ otherModels: ["b", "c", "d"], hasFreeFallback: false });
    expect(read('{"model":"a","tools":{"model":"no"}}')).toMatchObject({ otherModels: [], hasFreeFallback: false });
    expect(read('{"model":"a","fallbacks":"default"}').hasFreeFallback).toBe(true);
    for (const none of ["null", "[]"]) expect(read(`{"model":"a","fallbacks":${none}}`).hasFreeFallback).toBe(false);
  });

  test("are found as texts, too, and whatever is no name may be any", () => {
    const besides = (more: string) => read(`{"model":"a",${more}}`);
    expect(besides('"models":["b","c"],"fallbacks":["d",{"model":"e"}]')).toMatchObject({
      ...{ otherModels: ["b", "c", "d", "e"], hasFreeFallback: false },
    });
    for (const none of ['"models":null', '"models":[]', '"fallbacks":[]'])
      expect(besides(none)).toMatchObject({ otherModels: [], hasFreeFallback: false });
    for (const free of ['"b"', "{}", "[5]", "[null]", '[["b"]]', "[{}]", '[{"model":5}]', "true"])
      for (const name of ["models", "fallbacks"])
        expect(besides(`"${name}":${free}`).hasFreeFallback, `${name} ${free}`).toBe(true);
    expect(besides('"models":[{"model":"b"}]').hasFreeFallback).toBe(true);
    expect(problemOf(`{"model":"a","models":[${'"b",'.repeat(300)}"b"]}`)).toBe("too-many-models");
    expect(problemOf('{"model":"a","models":["b"],"Models":["c"]}')).toBe("duplicate-member");
  });

  test("are refused where they could be read in two ways, or are beyond count", () => {
    expect(problemOf('{"model":"a","tools":[{"model":"b","model":"c"}]}')).toBe("duplicate-member");
    expect(problemOf('{"model":"a","tools":[{"model":"b"},{"Model":"c"}]}')).toBe("duplicate-member");
    expect(problemOf('{"model":"a","tools":[],"tools":[{"model":"b"}]}')).toBe("duplicate-member");
    expect(problemOf('{"model":"a","fallbacks":[{"model":"b"}],"fallbacks":null}')).toBe("duplicate-member");
    expect(problemOf(`{"model":"a","tools":[${'{"model":"b"},'.repeat(300)}{}]}`)).toBe("too-many-models");
    expect(problemOf(`{"model":"a","tools":[${'{"name":"b"},'.repeat(300)}{}]}`)).toBeUndefined();
  });
});

describe("what is sent", () => {
  test("is the same buffer where nothing is changed", () => {
    const text = '{"model":"cl\\u0061ude","stream":true}';
    const body = Buffer.from(text);
    expect(bodyFor(read(text, "messages"), body, "claude")).toBe(body);
  });

  test("differs in the model's span alone", () => {
    expect(
      sent('{ "a":18446744073709551615, "model" : "x/y" ,"messages":[{"model":"x/y"}] }', 'y"\u2028', "messages"),
    ).toBe('{ "a":18446744073709551615, "model" : "y\\"\u2028" ,"messages":[{"model":"x/y"}] }');
  });

  test("asks for the usage of a stream of chat where the client did not, and nowhere else", () => {
    const asked = '"include_usage":true';
    const cases: [string, string][] = [
      ['{"model":"a","stream":true}', `{"model":"b","stream_options":{${asked}},"stream":true}`],
      ['{"stream":true,"model":"a"}', `{"stream":true,"model":"b","stream_options":{${asked}}}`],
      ['{"model":"a","stream":true,"stream_options":null}', `{"model":"b","stream":true,"stream_options":{${asked}}}`],
      ['{"stream_options":{ },"model":"a","stream":true}', `{"stream_options":{${asked} },"model":"b","stream":true}`],
      [
        '{"model":"a","stream":true,"stream_options":{"include_obfuscation":false}}',
        `{"model":"b","stream":true,"stream_options":{${asked},"include_obfuscation":false}}`,
      ],
      [
        '{"model":"a","stream":true,"stream_options":{"include_usage" : false}}',
        '{"model":"b","stream":true,"stream_options":{"include_usage" : true}}',
      ],
      [
        '{"model":"a","stream":true,"stream_options":{"include_usage":null}}',
        '{"model":"b","stream":true,"stream_options":{"include_usage":true}}',
      ],
    ];
    for (const [text, expected] of cases) {
      expect(read(text).mustAskUsage, text).toBe(true);
      expect(sent(text, "b")).toBe(expected);
    }
    const others = [
      '{"model":"a"}',
      '{"model":"a","stream":false}',
      '{"model":"a","stream":"true"}',
      `{"model":"a","stream":true,"stream_options":{${asked}}}`,
      '{"model":"a","stream":true,"stream_options":{"include_usage":"yes"}}',
      '{"model":"a","stream":true,"stream_options":[]}',
    ];
    for (const text of others) {
      expect(read(text).mustAskUsage, text).toBe(false);
      expect(sent(text, "a")).toBe(text);
    }
    expect(sent('{"model":"a","stream":true}', "a", "responses")).toBe('{"model":"a","stream":true}');
  });

  test(`says what a slow and obvious reader says, whatever stands around it (seed ${seed})`, () => {
    const name = fc.constantFrom("model", "stream", "stream_options", "max_tokens", "n", "messages", "x", "user");
    const escaped = fc
      .tuple(name, fc.boolean())
      .map(([plain, isEscaped]) => (isEscaped ? escapedName(plain) : `"${plain}"`));
    const value = fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.constantFrom(
        "true",
        "false",
        "null",
        '"gpt"',
        "7",
        "18446744073709551615",
        '{"include_usage":false,"y":1}',
        "{}",
      ),
      fc.constantFrom('[{"model":"no","stream":true}]', '"\\ud83d\\ude00"', '{"model":"no"}'),
    );
    const member = fc.tuple(escaped, value, fc.constantFrom("", " ", "\n\t"));
    const members = fc.uniqueArray(member, { selector: ([key]) => String(JSON.parse(key)), maxLength: 8 });
    fc.assert(
      fc.property(members, fc.string({ minLength: 1, maxLength: 20 }), (parts, served) => {
        const text = `{${parts.map(([key, json, space]) => `${space}${key}${space}:${json}${space}`).join(",")}}`;
        const plain = JSON.parse(text) as { [member: string]: unknown }; // An object was printed.
        const request = readRequest("chat/completions", Buffer.from(text));
        if (typeof plain["model"] !== "string" || plain["model"] === "") {
          expect(request).toEqual({ problem: "model-missing" });
          return;
        }
        if ("problem" in request) throw new Error(`refused: ${request.problem}`);
        expect(request.model).toBe(plain["model"]);
        expect(request.isStreamed).toBe(plain["stream"] === true);
        const options = plain["stream_options"];
        const after = JSON.parse(bodyFor(request, Buffer.from(text), served).toString("utf8"));
        const asks = request.mustAskUsage
          ? { stream_options: Object.assign({}, options, { include_usage: true }) }
          : {};
        expect(after).toEqual({ ...plain, model: served, ...asks });
      }),
      { seed, numRuns: 3_000 },
    );
  });
});

function escapedName(name: string): string {
  const [first = ""] = name;
  return `"\\u${first.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}"`;
}
