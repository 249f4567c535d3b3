// Settings of access to brokers: what is half given is refused by name, because half a protection is none, and no password
// is ever in what is printed.

import { expect, test } from "vitest";
import { kafkaAccessOf, kafkaAccessProblems, redactedKafkaAccess } from "./kafka-access.ts";

const sasl = {
  TOLLGATE_KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
  TOLLGATE_KAFKA_SASL_USERNAME: "tollgate",
  TOLLGATE_KAFKA_SASL_PASSWORD: "planted",
} as const;

test("nothing is given: no login and no TLS", () => {
  expect(kafkaAccessProblems({})).toEqual([]);
  expect(kafkaAccessOf({})).toEqual({ sasl: undefined, tls: undefined });
});

test("a login and TLS that are whole are taken", () => {
  const tls = { TOLLGATE_KAFKA_TLS_CA: "ca.pem", TOLLGATE_KAFKA_TLS_CERT: "c.pem", TOLLGATE_KAFKA_TLS_KEY: "k.pem" };
  expect(kafkaAccessProblems({ ...sasl, ...tls })).toEqual([]);
  const access = kafkaAccessOf({ ...sasl, ...tls });
  expect(access).toEqual({
    sasl: { mechanism: "SCRAM-SHA-512", username: "tollgate", password: { text: "planted" } },
    tls: { ca: "ca.pem", identity: { cert: "c.pem", key: "k.pem" } },
  });
  expect(JSON.stringify(redactedKafkaAccess(access))).not.toContain("planted");
});

test.each<[string, object, RegExp]>([
  ["a password without a mechanism", { TOLLGATE_KAFKA_SASL_PASSWORD: "planted" }, /SASL_MECHANISM is needed/],
  ["a mechanism without a user", { ...sasl, TOLLGATE_KAFKA_SASL_USERNAME: undefined }, /SASL_USERNAME is needed/],
  ["two passwords", { ...sasl, TOLLGATE_KAFKA_SASL_PASSWORD_FILE: "file" }, /SASL_PASSWORD or .*_FILE is needed/],
  ["a password in the clear", { ...sasl, TOLLGATE_KAFKA_SASL_MECHANISM: "PLAIN" }, /in the clear/],
  ["a certificate without its key", { TOLLGATE_KAFKA_TLS_CA: "system", TOLLGATE_KAFKA_TLS_CERT: "c" }, /go together/],
  ["a certificate without TLS", { TOLLGATE_KAFKA_TLS_CERT: "c", TOLLGATE_KAFKA_TLS_KEY: "k" }, /TLS_CA is needed/],
])("%s is refused by name, and without its value", (_, given, sentence) => {
  const [problem = "", ...more] = kafkaAccessProblems(given);
  expect(problem).toMatch(sentence);
  expect([problem, ...more].join()).not.toContain("planted");
});
