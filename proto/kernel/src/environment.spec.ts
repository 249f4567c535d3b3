// One environment starts every process: a neighbour's setting is known, a mistyped one is not.

import { expect, test } from "vitest";
import { isTollgateVariable } from "./environment.ts";

test.each([
  "TOLLGATE_HOST",
  "TOLLGATE_PROXY_PORT",
  "TOLLGATE_SECRET_GITHUB",
  "TOLLGATE_KAFKA_TLS_CA",
  "TOLLGATE_TEST_SEED",
])("%s is one of ours", (name) => {
  expect(isTollgateVariable(name)).toBe(true);
});

test.each([
  "",
  "HOST",
  "TOLLGATE_",
  "TOLLGATE_PROXY_PROT",
  "tollgate_host",
  "TOLLGATE_SECRET_",
  "TOLLGATE_HOST ",
  "X_TOLLGATE_HOST",
])("%j is none", (name) => {
  expect(isTollgateVariable(name)).toBe(false);
});
