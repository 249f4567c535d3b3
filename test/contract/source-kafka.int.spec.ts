// The suite of sources over Kafka, on a broker of its own.

import { afterAll } from "vitest";
import { kafkaAvailability, startBroker, type KafkaBroker } from "../support/kafka-broker.ts";
import { describeWith } from "../support/real-part.ts";
import { sourceContract } from "./source.contract.ts";

describeWith(await kafkaAvailability("own"), "the log over Kafka", () => {
  let broker: KafkaBroker;

  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]();
  }, 30_000);

  sourceContract({
    name: "kafka",
    brokers: async () => {
      broker = await startBroker();
      return [broker.brokers];
    },
  });
});
