// Facts over gRPC: the embedded default, and the way past a Kafka that is away. The answer is the ingest's own watermark.
import type { FactBatch, UploadReply } from "@tollgate/schema/usage";
import { refusalCode } from "../grpc.ts";
import type { FactSink } from "./sink.ts";

export function grpcSink(upload: (batch: FactBatch) => Promise<UploadReply>): FactSink {
  return {
    name: "grpc",
    send: async (batch) => {
      try {
        return { kind: "stored", stored: (await upload(batch)).stored };
      } catch (error) {
        const code = refusalCode(error);
        const reason = String(error);
        // This batch is wrong, and not this moment.
        if (code === "usage.invalid") return { kind: "refused", reason };
        if (code === "usage.forked") return { kind: "forked", reason };
        throw error;
      }
    },
  };
}
