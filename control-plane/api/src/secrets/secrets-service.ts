// The gRPC service `Secrets`: the only door through which a value leaves. Who may call it is decided before it is called.

import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import type { Secrets } from "@tollgate/schema/secrets";
import type { Database } from "../database.ts";
import type { ServiceMethods } from "../grpc-server.ts";
import type { SecretStore } from "./secret-store.ts";

export function secretsService(database: Database, store: SecretStore): ServiceMethods<typeof Secrets> {
  return {
    async fetch({ ids }) {
      const max = limits.snapshotChunkResourcesMax * limits.headersPerServerMax;
      if (ids.length > max) throw new TollgateError("request.invalid", `At most ${max} secrets are given at once.`);
      return { secrets: await store.fetch(database.sql, ids) };
    },
  };
}
