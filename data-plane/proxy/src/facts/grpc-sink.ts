// Facts over gRPC: the embedded default, and the way past a Kafka that is away. The answer is the ingest's own watermark.
import type { FactBatch, UploadReply } from "@tollgate/schema/usage";
import type { FactSink } from "./sink.ts";

/** gRPC's INVALID_ARGUMENT: this batch is wrong, not this moment. */
const invalidArgument = 3;
/** gRPC's ABORTED, which the ingest says of an epoch that somebody else writes too. */
const aborted = 10;

export function grpcSink(upload: (batch: FactBatch) => Promise<UploadReply>): FactSink {
  return {
    name: "grpc",
    send: async (batch) => {
      try {
        return { kind: "stored", stored: (await upload(batch)).stored };
      } catch (error) {
        if (!(error instanceof Error) || !("code" in error)) throw error;
        if (error.code === invalidArgument) return { kind: "refused", reason: error.message };
        if (error.code === aborted) return { kind: "forked", reason: error.message };
        throw error;
      }
    },
  };
}
