// The gRPC service `Secrets`: the only door through which a value leaves. Who may call it is decided before it is called.
// However many are asked for, a message stays below what both ends take, and no more values than that are open at once; a
// proxy that reads slowly holds no transaction. Each value is of its newest version when it is read.

import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import type { Secrets } from "@tollgate/schema/secrets";
import type { Database } from "../database.ts";
import type { ServiceMethods } from "../grpc-server.ts";
import { messageBytesMax } from "../sync/sized.ts";
import type { SecretStore } from "./secret-store.ts";

const chunkSecretsMax = Math.floor(messageBytesMax / limits.secretBytesMax);

export function secretsService(database: Database, store: SecretStore): ServiceMethods<typeof Secrets> {
  return {
    async *fetch({ ids }) {
      const max = limits.snapshotChunkResourcesMax * (limits.headersPerServerMax + limits.variablesPerServerMax);
      if (ids.length > max) throw new TollgateError("request.invalid", `At most ${max} secrets are given at once.`);
      for (let at = 0; at < ids.length; at += chunkSecretsMax) {
        const secrets = await store.fetch(database.sql, ids.slice(at, at + chunkSecretsMax));
        if (secrets.length > 0) yield { secrets };
      }
      yield { last: true };
    },
  };
}
