// The gRPC service `Usage`: a batch in, the watermark back. A hole is an answer, not an error: the proxy goes on from there.
// Who may call it is decided before it is called.
import { create } from "@bufbuild/protobuf";
import type { FactBatch, UploadReply } from "@tollgate/schema/usage";
import { UploadReplySchema } from "@tollgate/schema/usage";
import { ingest, type IngestParts } from "./ingest.ts";

export type UsageService = { upload(batch: FactBatch): Promise<UploadReply> };

export function usageService(parts: IngestParts): UsageService {
  return {
    upload: async (batch) => create(UploadReplySchema, await ingest(parts, batch)),
  };
}
