// Who calls the control plane in a test that has no proxy: an id and a boot that nobody else has.
import { randomBytes, randomUUID } from "node:crypto";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";

export function newCaller(): { proxyId: string; boot: string } {
  return { proxyId: idFromBytes(randomBytes(idBytes)), boot: randomUUID() };
}
