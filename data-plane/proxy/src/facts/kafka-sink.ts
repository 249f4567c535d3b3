// Facts over Kafka: one record a batch, keyed by the proxy, so that a proxy's batches keep their order. A broker's
// acknowledgement says nothing of the ingest, so nothing is trimmed on it.
import { toBinary } from "@bufbuild/protobuf";
import { FactBatchSchema } from "@tollgate/schema/usage";
import type { FactSink } from "./sink.ts";

export const usageTopic = "gateway.usage";

export type Produce = (record: { topic: string; key: string; value: Uint8Array }) => Promise<void>;

/** `produce` resolves when the brokers acknowledged, and rejects in bounded time when they did not. */
export function kafkaSink(produce: Produce): FactSink {
  return {
    name: "kafka",
    send: async (batch) => {
      await produce({ topic: usageTopic, key: batch.proxyId, value: toBinary(FactBatchSchema, batch) });
      return { kind: "taken" };
    },
  };
}
