// The gRPC service `Provisions`: what a proxy keeps in stock, so that it can start and serve while the control plane is
// away. It gives to the proxy that asks and about that proxy alone.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Provisions } from "@tollgate/schema/provisions";
import type { Database } from "../database.ts";
import type { ServiceMethods } from "../grpc-server.ts";
import type { Keyring, SharedKey } from "../keyring/keyring.ts";
import { foldStream } from "../log/fold-stream.ts";
import { proxyDecider } from "../proxies/proxy.decider.ts";
import { holdId } from "../sync/holders.ts";
import { int8Max } from "../usage/batch.ts";
import { epochKey, giveEpochs } from "./epochs.ts";

const epochsMax = 64;
const keysOfMax = 10_000;

export function provisionsService(
  database: Pick<Database, "sql">,
  keyring: Keyring,
): ServiceMethods<typeof Provisions> {
  return {
    async draw({ epochs, after, keysOf }, caller) {
      const { proxyId } = caller;
      if (epochs > epochsMax || keysOf.length > keysOfMax || after >= int8Max / 2n)
        throw new TollgateError(
          "request.invalid",
          `At most ${epochsMax} epochs and ${keysOfMax} keys are drawn at once.`,
        );
      await holdId(database.sql, caller);
      // Before the keys are read, so that it may be of former ones and never of later ones than these.
      const keysEdition = await keyring.edition();
      const root = await keyring.secret("epochs");
      const given = epochs === 0 ? [] : await giveEpochs(database.sql, proxyId, epochs, after);
      const [sealing, records] = [await keyring.keys("sealing"), await keyring.keys("records")];
      // After the keys were read: who sees those of a revocation sees that as well, because both are one commit.
      const proxy = await foldStream(database.sql, proxyDecider, proxyId);
      if (proxy?.revokedAtMs !== undefined) throw new TollgateError("enrolment.proxy-revoked");
      return {
        epochs: [...keysOf, ...given].map((epoch) => ({ epoch, key: epochKey(root, proxyId, epoch) })),
        sealing: sealing.map(toWire),
        records: records.map(toWire),
        keysEdition,
      };
    },
  };
}

function toWire({ id, key, useFromMs, acceptUntilMs }: SharedKey) {
  const at = { id, key, useFromMs: BigInt(useFromMs) };
  return acceptUntilMs === undefined ? at : { ...at, acceptUntilMs: BigInt(acceptUntilMs) };
}
