// When the proxy is ready, and the one line that says so. It is ready when every port is open and a view is there, with the
// secrets that the view needs and keys for sealed handles; the line goes to standard output once, for whoever started the process. Readiness itself can
// come and go and is for probes.

import { urlOf } from "./listen.ts";

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
