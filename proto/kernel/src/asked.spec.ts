// What a request says of itself beside its key. It can only take away; a mark that the key does not permit would put the call
// on somebody else's account; and a text that is echoed could be a secret.

import { create } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { CustomerCreatedSchema, KeyIssuedSchema, TeamCreatedSchema, UserCreatedSchema } from "@tollgate/schema/events";
import { describe, expect, test } from "vitest";
import { admit, type Asked } from "./asked.ts";
import { attributionOf, scopesOf } from "./attribution.ts";
import { formatKey, parseKey } from "./key-format.ts";
import { limits } from "./limits.ts";
import { recordsOf } from "./records.fixture.ts";
import { apply, empty } from "./replica.ts";
import { viewOf, type Principal } from "./view.ts";

const keyId = "0123456789abcdef";
const sent = parseKey(formatKey("key", keyId, new Uint8Array(32).fill(1)));
if (!sent) throw new Error("the format does not read what it made");
const presented = { key: sent, sha256: sha256(utf8ToBytes(sent.text)) };
const labels = [
  { name: "project", values: ["apollo", "gemini-*"] },
  { name: "env", values: ["*"] },
];
const key = {
  ...{ id: keyId, teamId: "t", userId: "u", secrets: [{ sha256: presented.sha256 }], labels },
  ...{ tools: ["*/*"], models: ["*"] },
};
const view = viewOf(
  apply(
    empty(),
    recordsOf([
      [
        { event: create(CustomerCreatedSchema, { customer: { id: "c", name: "acme" } }), scopes: ["customer/c"] },
        { event: create(TeamCreatedSchema, { team: { id: "t", name: "t", customerId: "c" } }), scopes: ["team/t"] },
        { event: create(UserCreatedSchema, { user: { id: "u", name: "alice" } }), scopes: ["user/u"] },
        { event: create(KeyIssuedSchema, { key }), scopes: [`key/${keyId}`] },
      ],
    ]),
  ),
);

const asking = (asked: Partial<Asked>) =>
  admit(
    view,
    { ...presented, asked: { tools: undefined, servers: undefined, models: undefined, labels: undefined, ...asked } },
    0,
  );

function principal(asked: Partial<Asked>): Principal {
  const admission = asking(asked);
  if (admission.outcome === "refused") throw new Error(admission.detail);
  return admission.principal;
}

describe("a request that asks for less", () => {
  test("reaches what both its key and its headers do", () => {
    const narrow = principal({ tools: "files/read_*, jira/*", servers: "files", models: "openai/*" });
    const tools = ["read_a", "write_a"].map((tool) => narrow.allows("files", tool));
    expect([...tools, narrow.allows("jira", "search")]).toEqual([true, false, false]);
    expect([narrow.models.allows("openai", "m"), narrow.models.allows("anthropic", "m")]).toEqual([true, false]);
  });

  test("with an empty header reaches nothing of what that header is about", () => {
    for (const empty of ["", "  "]) {
      expect(principal({ tools: empty }).allows("files", "read")).toBe(false);
      expect(principal({ servers: empty }).allowsPrompt("files", "read")).toBe(false);
      expect(principal({ tools: empty }).models.allows("openai", "m")).toBe(true);
      expect(principal({ models: empty }).models.allowsAlias("fast", [{ provider: "openai", model: "m" }])).toBe(false);
    }
  });

  test.each([
    ["tools", "files/*, files", "Item 2 of `x-tollgate-tools` is not of the form server/tool."],
    ["tools", "files/*,", "Item 2 of `x-tollgate-tools` is not of the form server/tool."],
    ["servers", "files,prompt:jira", "Item 2 of `x-tollgate-servers` names a server that cannot be."],
    ["servers", "files/read", "Item 1 of `x-tollgate-servers` names a server that cannot be."],
    ["models", "openai/", "Item 1 of `x-tollgate-models` names no model behind its slash."],
    ["tools", Array(101).fill("a/b").join(","), "`x-tollgate-tools` has more than 100 items."],
  ])("is refused where %s is %s", (header, text, detail) => {
    expect(asking({ [header]: text })).toMatchObject({ outcome: "refused", code: "request.narrowing-invalid", detail });
  });

  test("is refused where a header is longer than any use of it", () => {
    const text = "a".repeat(limits.askedHeaderCharsMax + 1);
    for (const header of ["tools", "servers", "models", "labels"])
      expect(asking({ [header]: text })).toMatchObject({ outcome: "refused", code: "request.too-large" });
  });
});

describe("a request's labels", () => {
  test("mark its call, in order, and are among the scopes that it counts in", () => {
    const marked = principal({ labels: "project=gemini-7, env=prod" });
    expect(marked.labels).toEqual(["env=prod", "project=gemini-7"]);
    expect(scopesOf(marked)).toEqual([
      ...[`key/${keyId}`, "user/u", "team/t", "customer/c"],
      ...["label/env=prod", "label/project=gemini-7"],
    ]);
    expect(attributionOf(marked)).toEqual({
      ...{ keyId, teamId: "t", userId: "u", customerId: "c", labels: ["env=prod", "project=gemini-7"] },
    });
    expect(principal({ labels: "" }).labels).toEqual([]);
    expect(scopesOf(principal({}))).toEqual([`key/${keyId}`, "user/u", "team/t", "customer/c"]);
  });

  test.each(["project=soyuz", "project=gemini", "team=apollo", "env=prod,owner=me"])("%s is not permitted", (text) => {
    const refused = asking({ labels: text });
    expect(refused).toMatchObject({
      outcome: "refused",
      code: "request.label-refused",
      principal: { key: { id: keyId } },
    });
    expect(JSON.stringify("detail" in refused ? refused.detail : "")).not.toContain("soyuz");
  });

  test.each([
    ["project", "is not of the form name=value"],
    ["=apollo", "has a name that is not a name"],
    ["project=", "has a value that is not 1 to 64"],
    ["project=a b", "has a value that is not 1 to 64"],
    [`project=${"x".repeat(limits.labelValueCharsMax + 1)}`, "has a value that is not 1 to 64"],
    ["project=apollo,project=gemini-1", "has a label twice"],
    [Array.from({ length: 9 }, (_, n) => `n${n}=x`).join(","), "has more than 8 labels"],
  ])("%s cannot be read", (text, detail) => {
    expect(asking({ labels: text })).toMatchObject({
      ...{ outcome: "refused", code: "request.label-invalid", detail: expect.stringContaining(detail) as string },
    });
  });
});

test("what many keys ask for in turn is worked out for each, however little of it is kept", () => {
  for (let n = 0; n < 2_100; n++)
    expect(principal({ tools: `files/t${n % 1_050}` }).allows("files", "t7")).toBe(n % 1_050 === 7);
});
