// Settings: a mistyped or senseless one refuses the start with its name, secrets are never printed, and a file that comes
// over the API reaches no variable but those meant for it.

import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { expect, test } from "vitest";
import { loadConfig, redacted, settings } from "./config.ts";

const required = {
  TOLLGATE_DATABASE_URL: "postgres://user:planted-password@db.internal/tollgate?password=planted-query",
  TOLLGATE_JOIN_TOKEN: "planted-join-token",
  TOLLGATE_GRPC_SOCKET: "/run/tollgate/grpc.sock",
};

test("what is not set has its default, and every setting has a sentence", () => {
  expect(loadConfig(required)).toMatchObject({
    host: "127.0.0.1",
    controlPort: 8081,
    adminPort: 9091,
    grpcPort: undefined,
  });
  expect(loadConfig({ ...required, TOLLGATE_GRPC_SOCKET: "" })).toMatchObject({
    grpcPort: 9092,
    grpcSocket: undefined,
  });
  for (const [name, { description }] of Object.entries(settings)) expect(description, name).toMatch(/^[A-Z`a-z].+\.$/);
});

test.each<[string, Record<string, string>, string]>([
  ["a mistyped name", { TOLLGATE_KAFKA_BROKER: "a:1" }, "TOLLGATE_KAFKA_BROKER is not a setting"],
  ["a port that is none", { TOLLGATE_CONTROL_PORT: "65536" }, "TOLLGATE_CONTROL_PORT is more than 65535"],
  ["a port that is no number", { TOLLGATE_CONTROL_PORT: "planted" }, "TOLLGATE_CONTROL_PORT is not a number"],
  ["half a certificate", { TOLLGATE_CERTIFICATE_SECONDS: "1.5" }, "TOLLGATE_CERTIFICATE_SECONDS is not a whole number"],
  ["a delay below nothing", { TOLLGATE_DRAIN_DELAY_MS: "-1" }, "TOLLGATE_DRAIN_DELAY_MS is less than 0"],
  ["a level that is none", { TOLLGATE_LOG_LEVEL: "planted" }, "TOLLGATE_LOG_LEVEL is none of "],
  ["another database", { TOLLGATE_DATABASE_URL: "mysql://planted" }, "TOLLGATE_DATABASE_URL must begin with"],
  ["a join token that can be guessed", { TOLLGATE_JOIN_TOKEN: "planted" }, "TOLLGATE_JOIN_TOKEN must have at least"],
  ["a certificate without its key", { TOLLGATE_TLS_CERT: "x" }, "TOLLGATE_TLS_CERT and TOLLGATE_TLS_KEY go together"],
  ["a socket that any process may use", { TOLLGATE_JOIN_TOKEN: "" }, "TOLLGATE_JOIN_TOKEN is needed for"],
  ["a path too long for a socket", { TOLLGATE_GRPC_SOCKET: `/${"x".repeat(103)}` }, "is longer than the 103 bytes"],
  ["nothing at all", { TOLLGATE_DATABASE_URL: "" }, "TOLLGATE_DATABASE_URL is needed"],
])("%s refuses the start, by name and without its value", (_, wrong, sentence) => {
  const load = (): unknown => loadConfig({ ...required, ...wrong });
  expect(load).toThrow(ConfigProblem);
  expect(load).toThrow(sentence);
  expect(load).not.toThrow("planted");
});

test("one environment can start every process, and others' variables are nobody's business", () => {
  const others = { TOLLGATE_PROXY_PORT: "8080", TOLLGATE_SECRET_X: "y", TOLLGATE_TEST_KAFKA: "a:1", PATH: "/bin" };
  expect(() => loadConfig({ ...required, ...others })).not.toThrow();
});

test("what is printed holds no secret", () => {
  const printed = JSON.stringify(redacted(loadConfig({ ...required, TOLLGATE_ADMIN_TOKEN: "planted-token" })));
  expect(printed).not.toContain("planted");
  expect(printed).toContain("db.internal");
});

test("a file that came over the API reads only what is meant for it; one that was given at the start reads all", () => {
  const config = loadConfig({ ...required, TOLLGATE_SECRET_GITHUB: "gh", HOME: "/home" });
  expect([config.secretVariable("TOLLGATE_SECRET_GITHUB"), config.variable("HOME")]).toEqual(["gh", "/home"]);
  for (const name of ["HOME", "TOLLGATE_JOIN_TOKEN", "TOLLGATE_DATABASE_URL", "SECRET_TOLLGATE_SECRET_"])
    expect(config.secretVariable(name)).toBeUndefined();
});
