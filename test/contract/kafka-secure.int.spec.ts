// Brokers that ask who we are: both planes' doors to Kafka get in with each mechanism over TLS, what the relay writes a proxy
// reads there, and a wrong password or an unknown authority is an error that says so and not a silence.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { loadConfig as loadControlPlane } from "@tollgate/api/config";
import { openKafka as openForControlPlane } from "@tollgate/api/kafka";
import { kafkaSecurityOf } from "@tollgate/kernel/kafka-access";
import { loadConfig as loadProxy } from "@tollgate/proxy/config";
import { openKafka as openForProxy } from "@tollgate/proxy/kafka";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kafkaAvailability } from "../support/kafka-broker.ts";
import { startSecureBroker, type SecureBroker } from "../support/kafka-secure.ts";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";

const readText = (path: string): string => readFileSync(path, "utf8");

describeWith(await kafkaAvailability("own"), "brokers with SASL and TLS", () => {
  let broker: SecureBroker;

  beforeAll(async () => {
    broker = await startSecureBroker();
  }, 90_000);

  afterAll(() => broker?.[Symbol.asyncDispose]());

  function settings(changed: Record<string, string> = {}): Record<string, string> {
    return {
      TOLLGATE_KAFKA_BROKERS: broker.brokers,
      TOLLGATE_KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
      TOLLGATE_KAFKA_SASL_USERNAME: broker.username,
      TOLLGATE_KAFKA_SASL_PASSWORD: broker.password,
      TOLLGATE_KAFKA_TLS_CA: broker.ca,
      TOLLGATE_KAFKA_TLS_CERT: broker.cert,
      TOLLGATE_KAFKA_TLS_KEY: broker.key,
      ...changed,
    };
  }

  function doors(changed?: Record<string, string>) {
    const problems: string[] = [];
    const onProblem = (problem: string): void => void problems.push(problem);
    const control = loadControlPlane({ TOLLGATE_DATABASE_URL: "postgres://nobody/asks", ...settings(changed) });
    const proxy = loadProxy({ TOLLGATE_JOIN_TOKEN_FILE: "nobody-reads", ...settings(changed) });
    return {
      problems,
      control: openForControlPlane({
        ...{ brokers: control.kafkaBrokers, clientId: "control-plane", onProblem },
        security: kafkaSecurityOf(control.kafkaAccess, readText),
      }),
      proxy: openForProxy({
        ...{ brokers: proxy.kafkaBrokers, clientId: "proxy", onProblem },
        security: kafkaSecurityOf(proxy.kafkaAccess, readText),
      }),
    };
  }

  test.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])(
    "what the control plane writes with %s, a proxy reads with it",
    { timeout: 60_000 },
    async (mechanism) => {
      const { control, proxy } = doors({ TOLLGATE_KAFKA_SASL_MECHANISM: mechanism });
      await control.ensureTopics();
      const seen: string[] = [];
      const tail = await proxy.tail("gateway.events", {
        onMessage: ({ headers }) => seen.push(Buffer.from(headers["id"] ?? []).toString()),
        onLost: (reason) => seen.push(reason),
      });
      const id = randomUUID();
      await control.produce("gateway.events", [{ key: null, value: null, headers: { id } }]);
      await until(() => seen.includes(id), { what: "the record to arrive", timeoutMs: 20_000 });
      await proxy.produce({ topic: "gateway.usage", key: "p", value: Buffer.from("fact") });
      await tail.stop();
      await Promise.all([control.close(), proxy.close()]);
    },
  );

  test("a wrong password is an error that says so, on both planes", { timeout: 60_000 }, async () => {
    const { control, proxy, problems } = doors({ TOLLGATE_KAFKA_SASL_PASSWORD: "planted-and-wrong" });
    await expect(control.ensureTopics()).rejects.toThrow(/auth|credentials/i);
    await expect(proxy.produce({ topic: "gateway.usage", key: "p", value: Buffer.from("x") })).rejects.toThrow(
      /auth|credentials/i,
    );
    expect(problems.join()).not.toContain("planted");
  });

  test("brokers of an unknown authority are not told the password", { timeout: 60_000 }, async () => {
    const { control } = doors({ TOLLGATE_KAFKA_TLS_CA: "system" });
    await expect(control.ensureTopics()).rejects.toThrow(/certificate/i);
  });
});
