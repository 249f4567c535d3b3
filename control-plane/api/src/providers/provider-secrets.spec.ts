// A provider's credentials against the secrets that are stored: what is kept, stored anew, erased, refused.

import { expect, test } from "vitest";
import { planCredentials, type WantedCredential } from "./provider-secrets.ts";

const wanted = (name: string, source: WantedCredential["source"]): WantedCredential => {
  return { name, source, weight: 2, models: ["m"] };
};
const own = (): Map<string, { id: string; value: Uint8Array }> =>
  new Map([
    ["provider/openai/main", { id: "old", value: Buffer.from("v1") }],
    ["github", { id: "named", value: Buffer.from("") }],
  ]);
const former = [
  { name: "main", secretId: "old" },
  { name: "spare", secretId: "named" },
];
const plan = (credentials: WantedCredential[], directory = own()) =>
  planCredentials("openai", credentials, { directory, former, newId: () => "new" });

test("a value becomes a secret of the provider's own; the same again stores nothing, another is its next version", () => {
  expect(plan([wanted("main", { value: "v1" })])).toEqual({
    outcome: "planned",
    credentials: [{ name: "main", secretId: "old", weight: 2, models: ["m"] }],
    changes: { stores: [], erasures: [] },
  });
  expect(plan([wanted("main", { value: "v2" })])).toMatchObject({
    changes: { stores: [{ id: "old", name: "provider/openai/main" }], erasures: [] },
  });
  expect(plan([wanted("main", { value: "v1" })], new Map())).toMatchObject({
    credentials: [{ secretId: "new" }],
    changes: { stores: [{ id: "new", name: "provider/openai/main", value: Buffer.from("v1") }] },
  });
});

test("a credential that comes without a value keeps what it has under its name, its own or a stored one", () => {
  expect(plan([wanted("main", "kept"), wanted("spare", "kept")])).toMatchObject({
    credentials: [{ secretId: "old" }, { secretId: "named" }],
    changes: { stores: [], erasures: [] },
  });
  expect(plan([wanted("unheard-of", "kept")])).toMatchObject({
    refusal: { kind: "invalid-input", field: "credentials[0]" },
  });
});

test("a credential that is gone, or names a stored secret instead, takes its own secret along", () => {
  expect(plan([])).toMatchObject({ credentials: [], changes: { erasures: ["old"] } });
  expect(plan([wanted("main", { secretName: "github" })])).toMatchObject({
    credentials: [{ secretId: "named" }],
    changes: { stores: [], erasures: ["old"] },
  });
});

test("no provider gets at the secret of another resource by its name", () => {
  const directory = own().set("server/docs/authorization", { id: "of-a-server", value: Buffer.from("x") });
  for (const secretName of ["server/docs/authorization", "provider/openai/main", "nowhere"])
    expect(plan([wanted("main", { secretName })], directory)).toMatchObject({
      refusal: { kind: "reference-missing", scope: `secret/${secretName}` },
    });
});

test("what is wrong with a value is said without the value", () => {
  for (const value of ["", "planted\r\nx: y", " planted", "plantéd"]) {
    const planned = plan([wanted("main", { value })]);
    expect(planned).toMatchObject({ refusal: { kind: "invalid-input", field: "credentials[0].value" } });
    expect(JSON.stringify(planned)).not.toContain("plant");
  }
});
