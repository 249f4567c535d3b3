// Decisions about providers. That names are unique, that secrets are there and that a provider which an alias stands for stays is
// the log's part: here it is only said.

import { create } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { providerDefaults } from "@tollgate/kernel/provider-rules";
import { ProviderChangedSchema, ProviderRegisteredSchema, ProviderRetiredSchema } from "@tollgate/schema/events";
import { ProviderKind } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { providerDecider, type ProviderCommand, type ProviderSettings } from "./provider.decider.ts";

const credential = { name: "main", secretId: "s1", weight: 1, models: [] };
const settings: ProviderSettings = {
  ...{ ...providerDefaults, models: [] },
  ...{ kind: ProviderKind.ANTHROPIC, baseUrl: "https://api.anthropic.com", credentials: [credential] },
};
const register = (part: Partial<ProviderSettings> = {}, name = "anthropic"): ProviderCommand => {
  return { kind: "register", id: "p1", name, settings: { ...settings, ...part } };
};
const change = (
  part: Partial<ProviderSettings>,
  keepsCredentials = part.credentials === undefined,
): ProviderCommand => {
  return { kind: "change", id: "p1", settings: part, keepsCredentials };
};
const provider = {
  ...{ id: "p1", name: "anthropic", kind: ProviderKind.ANTHROPIC, baseUrl: "https://api.anthropic.com" },
  ...{ credentials: [credential], timeoutSeconds: 600 },
};
const registered = create(ProviderRegisteredSchema, { provider });
const retired = create(ProviderRetiredSchema, { provider });
const providers = given(providerDecider);

test("a provider takes its name and holds the secrets of its credentials, each once", () => {
  providers()
    .when(register())
    .then([registered], { reserve: "anthropic", refer: ["secret/s1"] });
  const twice = [credential, { ...credential, name: "spare" }, { ...credential, name: "other", secretId: "s2" }];
  providers()
    .when(register({ credentials: twice }))
    .then([create(ProviderRegisteredSchema, { provider: { ...provider, credentials: twice } })], {
      ...{ reserve: "anthropic", refer: ["secret/s1", "secret/s2"] },
    });
});

test("what a change does not name stays, and one that changes nothing is no event", () => {
  const credentials = [{ name: "main", secretId: "s2", weight: 3, models: ["claude-*"] }];
  const changed = create(ProviderChangedSchema, { provider: { ...provider, credentials, passthrough: true } });
  const state = providers(registered)
    .when(change({ credentials, passthrough: true }))
    .then([changed], { refer: ["secret/s2"] });
  expect(state).toMatchObject({ baseUrl: "https://api.anthropic.com", timeoutSeconds: 600 });
  providers(registered, changed)
    .when(change({ credentials, timeoutSeconds: 600 }))
    .then([]);
});

test("its kind never changes, whatever else would: its prices, clients and credentials are of that kind", () => {
  providers(registered)
    .when(change({ kind: ProviderKind.OPENAI, baseUrl: "https://api.openai.com/v1" }))
    .refused({ kind: "invalid-input", field: "kind" });
  providers(registered)
    .when(change({ kind: ProviderKind.ANTHROPIC }))
    .then([]);
});

test("no credential goes to another origin than it was stored for", () => {
  for (const baseUrl of ["https://elsewhere.example", "http://api.anthropic.com", "https://api.anthropic.com:8443"]) {
    const refused = { kind: "invalid-input", field: "credentials" } as const;
    providers(registered).when(change({ baseUrl })).refused(refused);
    providers(registered)
      .when(change({ baseUrl, credentials: [credential] }, true))
      .refused(refused);
    const state = providers(registered)
      .when(change({ baseUrl, credentials: [credential] }))
      .then([create(ProviderChangedSchema, { provider: { ...provider, baseUrl } })], { refer: ["secret/s1"] });
    expect(state).toMatchObject({ baseUrl });
  }
  const baseUrl = "https://api.anthropic.com/beneath";
  providers(registered)
    .when(change({ baseUrl }))
    .then([create(ProviderChangedSchema, { provider: { ...provider, baseUrl } })], { refer: ["secret/s1"] });
});

test("a retired provider gives its name back, and is not there any more", () => {
  providers(registered).when({ kind: "retire", id: "p1" }).then([retired], { release: true });
  const missing = { kind: "not-found", scope: "provider/p1" } as const;
  providers(registered, retired).when({ kind: "retire", id: "p1" }).refused(missing);
  providers(registered, retired).when(change({})).refused(missing);
  providers(registered).when(register()).refused({ kind: "already-exists" });
});

const many = (count: number) => Array.from({ length: count }, (_, n) => ({ ...credential, name: `c${n}` }));

test.each<[string, Partial<ProviderSettings>, string]>([
  ["no kind", { kind: ProviderKind.UNSPECIFIED }, "kind"],
  ["an address that is not http", { baseUrl: "ftp://a.example" }, "baseUrl"],
  ["an address that carries credentials into the log", { baseUrl: "https://u:p@a.example" }, "baseUrl"],
  ["an address behind which no path can stand", { baseUrl: "https://a.example/?key=planted" }, "baseUrl"],
  ["no time at all", { timeoutSeconds: 0 }, "timeoutSeconds"],
  ["half a second", { timeoutSeconds: 0.5 }, "timeoutSeconds"],
  ["a pattern that is empty", { models: ["claude-*", ""] }, "models[1]"],
  ["no credential", { credentials: [] }, "credentials"],
  ["more credentials than can be", { credentials: many(limits.credentialsPerProviderMax + 1) }, "credentials"],
  ["one name for two credentials", { credentials: [credential, credential] }, "credentials[1].name"],
  ["a name that is none", { credentials: [{ ...credential, name: "A b" }] }, "credentials[0].name"],
  ["a credential that no call would get", { credentials: [{ ...credential, weight: 0 }] }, "credentials[0].weight"],
  ["a weight beyond all", { credentials: [{ ...credential, weight: 1_001 }] }, "credentials[0].weight"],
  ["a model with a space", { credentials: [{ ...credential, models: ["a b"] }] }, "credentials[0].models[0]"],
])("refused: %s", (_, part, field) => {
  providers().when(register(part)).refused({ kind: "invalid-input", field });
  providers(registered).when(change(part)).refused({ kind: "invalid-input", field });
  expect(JSON.stringify(providerDecider.decide(register(part), undefined))).not.toContain("planted");
});

test("a name that would be two parts of a pattern is none", () => {
  providers().when(register({}, "a/b")).refused({ kind: "invalid-input", field: "name" });
});
