// A server's headers against the secrets that are stored: what is kept, stored anew, erased, refused.

import { expect, test } from "vitest";
import { planCredentials, type WantedHeader, type WantedVariable } from "./server-secrets.ts";

type Plan = Parameters<typeof planCredentials>;
const planHeaders = (server: string, headers: WantedHeader[], directory: Plan[2], newId: Plan[3]) => {
  const planned = planCredentials(server, { headers }, directory, newId);
  return planned.outcome === "refused" ? planned : { headers: planned.references.headers, changes: planned.changes };
};
const planVariables = (environment: WantedVariable[], directory: Plan[2]) =>
  planCredentials("docs", { environment }, directory, newId);

let ids = 0;
const newId = (): string => `new${++ids}`;
const inline = (name: string, value: string): WantedHeader => ({ name, prefix: "", source: { value } });
const own = (value: string): Map<string, { id: string; value: Uint8Array }> =>
  new Map([["server/docs/authorization", { id: "old", value: Buffer.from(value) }]]);

test("a new value becomes a secret of the server's own", () => {
  const planned = planHeaders("docs", [inline("Authorization", "v1")], new Map(), newId);
  expect(planned).toMatchObject({
    headers: [{ name: "Authorization", secretId: `new${ids}` }],
    changes: { stores: [{ name: "server/docs/authorization", value: Buffer.from("v1") }], erasures: [] },
  });
});

test("the same value again stores nothing; another one is a new version of the same secret", () => {
  const same = planHeaders("docs", [inline("authorization", "v1")], own("v1"), newId);
  expect(same).toMatchObject({ headers: [{ secretId: "old" }], changes: { stores: [], erasures: [] } });
  const other = planHeaders("docs", [inline("authorization", "v2")], own("v1"), newId);
  expect(other).toMatchObject({ headers: [{ secretId: "old" }], changes: { stores: [{ id: "old" }], erasures: [] } });
});

test("a header that is gone, or names a stored secret instead, takes its own secret along", () => {
  expect(planHeaders("docs", [], own("v1"), newId)).toMatchObject({ headers: [], changes: { erasures: ["old"] } });
  const directory = own("v1").set("github", { id: "named", value: Buffer.from("") });
  const named: WantedHeader = { name: "authorization", prefix: "Bearer ", source: { secretName: "github" } };
  expect(planHeaders("docs", [named], directory, newId)).toMatchObject({
    headers: [{ secretId: "named" }],
    changes: { stores: [], erasures: ["old"] },
  });
});

test("no server gets at the secret of another's header by its name", () => {
  const stolen: WantedHeader = { name: "x", prefix: "", source: { secretName: "server/docs/authorization" } };
  expect(planHeaders("mine", [stolen], own("v1"), newId)).toMatchObject({ refusal: { kind: "reference-missing" } });
});

test("what is wrong with a value is said without the value", () => {
  for (const value of ["", "planted\r\nx: y", " planted", "plantéd"]) {
    const planned = planHeaders("docs", [inline("authorization", value)], new Map(), newId);
    expect(planned).toMatchObject({ refusal: { kind: "invalid-input", field: "headers[0].value" } });
    expect(JSON.stringify(planned)).not.toContain("plant");
  }
});

test("a variable's value becomes a secret, another in clear does not, and each list leaves the other's secrets alone", () => {
  const directory = own("v1").set("server/docs/env:OLD", { id: "gone", value: Buffer.from("x") });
  const wanted = [inline("TOKEN", "planted"), { name: "LEVEL", plain: "info" }];
  expect(planVariables(wanted, directory)).toEqual({
    outcome: "planned",
    references: {
      environment: [
        { name: "TOKEN", prefix: "", secretId: `new${ids}`, value: "" },
        { name: "LEVEL", prefix: "", secretId: "", value: "info" },
      ],
    },
    changes: {
      stores: [{ id: `new${ids}`, name: "server/docs/env:TOKEN", value: Buffer.from("planted") }],
      erasures: ["gone"],
    },
  });
  expect(planHeaders("docs", [], directory, newId)).toMatchObject({ changes: { erasures: ["old"] } });
  expect(planCredentials("docs", {}, directory, newId)).toMatchObject({ references: {}, changes: { erasures: [] } });
});

test("variables that differ in case are two, as they are to a program", () => {
  expect(planVariables([inline("a", "1"), inline("A", "2")], new Map())).toMatchObject({ outcome: "planned" });
  expect(planVariables([inline("A", "1"), inline("A", "2")], new Map())).toMatchObject({
    refusal: { kind: "invalid-input", field: "environment[1].name" },
  });
});
