// The gRPC service `Usage`: a batch in, the watermark back. A hole is an answer, not an error: the proxy goes on from there.
// A proxy sends its own facts and nobody else's, and only as long as it is the one that has its id.
import { TollgateError } from "@tollgate/kernel/errors";
import type { Usage } from "@tollgate/schema/usage";
import type { ServiceMethods } from "../grpc-server.ts";
import { holdId } from "../sync/holders.ts";
import { ingest, type IngestParts } from "./ingest.ts";

export function usageService(parts: IngestParts): ServiceMethods<typeof Usage> {
  return {
    async upload(batch, caller) {
      if (batch.proxyId !== caller.proxyId) throw new TollgateError("usage.invalid", "They are of another proxy.");
      await holdId(parts.database.sql, caller);
      return ingest(parts, batch);
    },
  };
}
