// When the proxy is ready, and the one line that says so. It is ready when every port is open and a view is there, not too
// old, with the secrets that the view needs and keys for sealed handles; the line goes to standard output once, for whoever
// started the process. Readiness itself can
// come and go and is for probes.

import { replicaAgeMsMaxOf, type View } from "@tollgate/kernel/view";
import { urlOf } from "./listen.ts";

/** What a process holds of the log, and how old it may be. */
export type Known = { position: string | null; ageMs: number | null; ageMsMax: number };

export type Knowing = { view(): View | undefined; ageMs(): number | undefined };

export function knownOf(replica: Knowing, config: { environment: string; replicaAgeMsMax: number }): Known {
  const view = replica.view();
  const ageMs = replica.ageMs();
  return {
    position: view?.replica.position.toString() ?? null,
    ageMs: ageMs === undefined ? null : Math.ceil(ageMs),
    ageMsMax: replicaAgeMsMaxOf(view, config.environment, config.replicaAgeMsMax),
  };
}

/** Past it, nobody is admitted. */
export function isStale({ ageMs, ageMsMax }: Known): boolean {
  return ageMs !== null && ageMs > ageMsMax;
}

export type Readiness = {
  /** To be called whenever something that is waited for may have come. */
  reconsider(): void;
  proxyOpened(port: number): void;
  adminOpened(port: number): void;
  draining(): void;
  isDraining(): boolean;
  waitsFor(): readonly string[];
};

export function createReadiness(host: string, reasons: () => Readonly<Record<string, boolean>>): Readiness {
  let proxyPort: number | undefined;
  let adminPort: number | undefined;
  let isDraining = false;
  let hasSaidReady = false;

  function waitsFor(): string[] {
    const all = { draining: isDraining, ...reasons() };
    return Object.entries(all).flatMap(([reason, isReason]) => (isReason ? [reason] : []));
  }

  function reconsider(): void {
    if (hasSaidReady || proxyPort === undefined || adminPort === undefined || waitsFor().length > 0) return;
    hasSaidReady = true;
    const ready = { proxy: urlOf(host, proxyPort), proxyAdmin: urlOf(host, adminPort) };
    process.stdout.write(`${JSON.stringify({ ready })}\n`);
  }

  return {
    reconsider,
    proxyOpened(port) {
      proxyPort = port;
      reconsider();
    },
    adminOpened(port) {
      adminPort = port;
      reconsider();
    },
    draining: () => void (isDraining = true),
    isDraining: () => isDraining,
    waitsFor,
  };
}
