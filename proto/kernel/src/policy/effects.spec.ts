// What a change would change, and why a call would be refused, by the functions that proxies ask: an explanation that leaves out
// the level which says no, or a dry run that misses a key, sends people to the wrong place.

import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  KeySchema,
  LimitMeasure,
  LimitWindow,
  ModelAliasSchema,
  PolicySchema,
  ProviderKind,
  ProviderSchema,
  ServerSchema,
  TeamSchema,
} from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { fromSnapshot } from "../replica.ts";
import { viewOf, type View } from "../view.ts";
import { effectsOf } from "./effects.ts";
import { explain, type DescribedCall } from "./explain.ts";

type Rule = Omit<MessageInitShape<typeof PolicySchema>, "$typeName">;

const nowMs = 1_000;

function viewWith(tools: readonly string[], rules: readonly Rule[] = [], bounds: readonly string[] = []): View {
  const key = create(KeySchema, {
    id: "k1",
    name: "laptop",
    teamId: "t1",
    tools: [...tools],
    models: ["fast", "p/*"],
    labels: [{ name: "env", values: ["*"] }],
  });
  const targets = [{ providerId: "r1", model: "gpt-5" }];
  return viewOf(
    fromSnapshot(1n, [
      {
        kind: "team",
        id: "t1",
        bytes: toBinary(TeamSchema, create(TeamSchema, { id: "t1", name: "ops", tools: [...bounds] })),
      },
      { kind: "key", id: "k1", bytes: toBinary(KeySchema, key) },
      { kind: "server", id: "s1", bytes: toBinary(ServerSchema, create(ServerSchema, { id: "s1", name: "files" })) },
      {
        kind: "provider",
        id: "r1",
        bytes: toBinary(ProviderSchema, create(ProviderSchema, { id: "r1", name: "p", kind: ProviderKind.OPENAI })),
      },
      {
        kind: "model-alias",
        id: "a1",
        bytes: toBinary(ModelAliasSchema, create(ModelAliasSchema, { id: "a1", name: "fast", targets })),
      },
      ...rules.map((rule, index) => {
        const policy = create(PolicySchema, { name: `rule-${index}`, ...rule, id: `p${index}` });
        return { kind: "policy", id: `p${index}`, bytes: toBinary(PolicySchema, policy) };
      }),
    ]),
  );
}

const deny = { case: "deny", value: { message: "No." } } as const;
const tools = [
  { server: "files", tool: "read" },
  { server: "files", tool: "write" },
];
const changes = (before: View, after: View) =>
  effectsOf({ before, after }, ["k1"], tools, nowMs).effects.map(
    ({ name, before: was, after: is }) => `${name} ${was.reach} ${is.reach} ${is.policy}`,
  );

test("nothing changes where nothing does", () => {
  expect(effectsOf({ before: viewWith(["*/*"]), after: viewWith(["*/*"]) }, ["k1"], tools, nowMs)).toEqual({
    effects: [],
    isWhole: true,
  });
});

test("a grant that shrinks, a policy that refuses, and one that wants to see the arguments", () => {
  const all = viewWith(["*/*"]);
  expect(changes(all, viewWith(["files/read"]))).toEqual(["files/write allowed hidden "]);
  expect(changes(all, viewWith(["*/*"], [{ match: "call.tool == 'write'", kind: deny }]))).toEqual([
    "files/write allowed refused rule-0",
  ]);
  const reading = { match: "call.tool == 'read' && call.arguments.n > 1", kind: deny };
  expect(changes(all, viewWith(["*/*"], [reading]))).toEqual(["files/read allowed depends rule-0"]);
  const models = { match: "call.model == 'gpt-5'", kind: deny };
  expect(changes(all, viewWith(["*/*"], [models]))).toContain("fast allowed refused rule-0");
});

test("a limit is told of with its name, for what it counts and for nothing else", () => {
  const all = viewWith(["*/*"]);
  const value = { measure: LimitMeasure.REQUESTS, amount: 5n, window: LimitWindow.MINUTE };
  const counting = (match: string) => ({ match, kind: { case: "limit", value } }) as const;
  const tool = counting("call.tool == 'read'");
  expect(changes(all, viewWith(["*/*"], [tool]))).toEqual(["files/read allowed limited rule-0"]);
  expect(changes(all, viewWith(["*/*"], [tool, counting("call.server == 'files'")]))).toEqual([
    "files/read allowed limited rule-0, rule-1",
    "files/write allowed limited rule-1",
  ]);
  const explained = explain(viewWith(["*/*"], [tool]), "k1", call, undefined);
  expect(explained).toMatchObject({
    outcome: "allowed",
    spoken: [{ said: "counts", reason: "5 requests in any minute" }],
  });
});

const call: DescribedCall = {
  ...{ door: "mcp", method: "tools/call", server: "files", tool: "read", prompt: "", resource: "", model: "" },
  ...{ isStreamed: false, ip: "", timeMs: nowMs, argumentsText: () => undefined, header: () => undefined },
  session: { id: "", agent: "", client: "", clientVersion: "" },
};

test("a call is explained with the labels that it brings, and only those that its key permits", () => {
  const view = viewWith(
    ["*/*"],
    [{ match: "'env' in principal.labels && principal.labels.env == 'prod'", kind: deny }],
  );
  const marked = (labels: string): DescribedCall => ({
    ...call,
    header: (name) => (name === "x-tollgate-labels" ? labels : undefined),
  });
  expect(explain(view, "k1", marked("env=prod"), undefined).code).toBe("policy.denied");
  expect(explain(view, "k1", marked("env=test"), undefined).outcome).toBe("allowed");
  expect(explain(view, "k1", call, undefined).outcome).toBe("allowed");
  expect(explain(view, "k1", marked("other=x"), undefined).code).toBe("request.label-refused");
});

test("each level that bounds a key says whether it lets the call through", () => {
  const explained = explain(viewWith(["*/*"], [], ["files/write"]), "k1", call, undefined);
  expect(explained).toMatchObject({ outcome: "refused", code: "mcp.tool-unknown", spoken: [] });
  expect(explained.levels).toEqual([
    { level: "key", allows: true },
    { level: "team", allows: false },
  ]);
  expect(explain(viewWith(["*/*"]), "nobody", call, undefined).code).toBe("auth.key-unknown");
});

test("a call to a model is explained as its door would decide it", () => {
  const view = viewWith([], [{ match: "call.provider == 'p' && call.model == 'gpt-5'", kind: deny }]);
  const asked = { ...call, door: "openai", method: "responses", server: "", tool: "" } as const;
  expect(explain(view, "k1", { ...asked, model: "fast" }, ProviderKind.OPENAI)).toMatchObject({
    code: "policy.denied",
  });
  expect(explain(view, "k1", { ...asked, model: "p/other" }, ProviderKind.OPENAI)).toMatchObject({
    outcome: "allowed",
  });
  expect(explain(view, "k1", { ...asked, model: "fast" }, ProviderKind.ANTHROPIC)).toMatchObject({
    code: "model.format-unsupported",
  });
});
