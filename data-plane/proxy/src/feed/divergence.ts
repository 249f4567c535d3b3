// What to do when the control plane says that this proxy's state of a kind is not the log's: one new snapshot mends whatever
// went wrong once. What differs again after it is not mended by a third; it is reported as refused, the proxy serves on, and
// people look. A later incarnation of the log begins anew.

import type { Log as Output } from "../log-output.ts";
import type { Log } from "./source.ts";

export type Scoped = { scope: string; position: bigint; reason: string };

export type Divergence = {
  /** What a report's answer named. */
  found(kinds: readonly string[], log: Log, position: bigint): void;
  nacks(): readonly Scoped[];
};

export type DivergenceParts = { renew: () => Promise<void>; log: Pick<Output, "error" | "warn"> };

export function createDivergence({ renew, log }: DivergenceParts): Divergence {
  let followed: Log | undefined;
  let renewed = new Set<string>();
  let isRenewing = false;
  const lasting = new Map<string, Scoped>();

  async function takeAnew(kinds: readonly string[], position: bigint): Promise<void> {
    log.error({ kinds, position: position.toString() }, "the state is not the log's; a new snapshot is taken");
    isRenewing = true;
    for (const kind of kinds) renewed.add(kind);
    try {
      await renew();
    } catch (error) {
      // There was no snapshot, so none of them has had its chance.
      for (const kind of kinds) renewed.delete(kind);
      log.warn({ reason: String(error) }, "no new snapshot could be taken");
    } finally {
      isRenewing = false;
    }
  }

  return {
    found(kinds, of, position) {
      if (followed?.id !== of.id || followed.incarnation !== of.incarnation) {
        renewed = new Set();
        lasting.clear();
      }
      followed = of;
      if (kinds.length === 0 || isRenewing) return;
      const untried = kinds.filter((kind) => !renewed.has(kind));
      if (untried.length > 0) return void takeAnew(untried, position);
      for (const kind of kinds) {
        const scope = `${kind}/*`;
        if (lasting.has(scope)) continue;
        lasting.set(scope, { scope, position, reason: "its digest is not the log's, also after a new snapshot" });
        log.error({ kind, position: position.toString() }, "a kind differs from the log, also after a new snapshot");
      }
    },
    nacks: () => [...lasting.values()],
  };
}
