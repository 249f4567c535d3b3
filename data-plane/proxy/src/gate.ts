// The serving half of a worker, put together: listener, doors, pipeline, upstreams. It takes what it must not make itself
// (replica, recorder, secrets, clock), so that a test runs the same gate in its own process. Read it from top to bottom to
// know what a request meets.

import { randomUUID } from "node:crypto";
import type { GateResponse } from "./http/gate-response.ts";
import type { Config } from "./config.ts";
import type { Recorder } from "./facts/recorder.ts";
import { answerRefusal } from "./http/answer.ts";
import type { GateRequest } from "./http/gate-request.ts";
import type { Peer } from "./internal/peer.ts";
import { createListener, type Listener } from "./http/listener.ts";
import type { Desk } from "./lending/desk.ts";
import type { Log } from "./log-output.ts";
import { openMcp, type Mcp } from "./mcp/mcp.ts";
import { alone, type Neighbours } from "./mcp/placement/placement.ts";
import { openModels } from "./model/models.ts";
import type { ReplicaReader } from "./pipeline/authenticate.ts";
import { createCounters, type Counters } from "./pipeline/counters.ts";
import { openModelAccounts } from "./pipeline/model-record.ts";
import { openAccounts, type AccountsParts } from "./pipeline/record.ts";
import { createSealer, type Sealer } from "./sealing/sealer.ts";
import type { SealingKeys } from "./sealing/sealing-keys.ts";
import { createDeadlines } from "./upstream/deadlines.ts";
import type { SecretValues } from "./upstream/secret-values.ts";
import { knownOf, type Known } from "./readiness.ts";
import { createUpstreams } from "./upstream/upstreams.ts";

export type GateParts = {
  config: Config;
  log: Log;
  replica: ReplicaReader;
  recorder: Pick<Recorder, "record" | "intend"> & Partial<Pick<Recorder, "mayHold">>;
  /** Where calls get what they hold; undefined: nowhere, and calls that have to hold something are refused. */
  desk?: Desk;
  secrets: SecretValues;
  sealingKeys: SealingKeys;
  /** What the process waits for besides a view. */
  waitsFor: () => readonly string[];
  /** The other workers; undefined: there are none. */
  neighbours?: Neighbours;
  /** Where somebody else watches the servers and says what they have; undefined: this gate does it itself. */
  servers?: { channelSocket: string; onSuspect: (serverId: string) => void };
};

export type Gate = {
  listener: Listener;
  counters: Counters;
  /** For what doors give to clients to carry. */
  sealer: Sealer;
  mcp: Mcp;
  /** What another worker or proxy passes on. */
  answerPeer(request: GateRequest, response: GateResponse, from: Peer): void;
  /** Takes up, and lets go of, what a new view has and has not. */
  viewChanged(): void;
  close(): Promise<void>;
};

export function openGate({
  config,
  log,
  replica,
  recorder,
  secrets,
  sealingKeys,
  waitsFor,
  servers,
  desk,
  ...more
}: GateParts): Gate {
  const counters = createCounters();
  const wallMs = Date.now;
  const recording: AccountsParts = {
    ...{ recorder, counters, wallMs },
    onBug: (call, error) => log.error({ err: error, requestId: call.requestId }, "a call met a bug"),
  };
  const accounts = openAccounts(recording);
  const deadlines = createDeadlines();
  const upstreams = createUpstreams(secrets, servers?.channelSocket);
  const sealer = createSealer({ keys: sealingKeys, nowMs: wallMs, onRefused: counters.handleRefused });
  const { neighbours = alone({ proxyId: "", slot: 0, boot: randomUUID(), address: "" }) } = more;
  const mayHold = (): boolean => recorder.mayHold?.() ?? true;
  const mcp = openMcp({
    config,
    log,
    replica,
    accounts,
    deadlines,
    upstreams,
    sealer,
    wallMs,
    neighbours,
    desk,
    mayHold,
    onSuspect: servers?.onSuspect,
  });
  const models = openModels({
    ...{ config, log, replica, accounts, deadlines, secrets, wallMs, desk },
    mayHold,
    modelAccounts: openModelAccounts(recording),
  });
  const known = (): Known => knownOf(replica, config);
  const doors = new Map([["/mcp", mcp.door], ...models.doors]);
  const listener = createListener({ doors, waitsFor, known, log });

  function viewChanged(): void {
    const view = replica.view();
    if (view === undefined) return;
    upstreams.keepOnly(view);
    mcp.viewChanged(view);
    models.viewChanged(view);
  }
  viewChanged();

  return {
    listener,
    counters,
    sealer,
    mcp,
    answerPeer(request, response, from) {
      const [path = "/"] = (request.url ?? "/").split("?");
      const exchange = { requestId: randomUUID(), startedMs: performance.now(), request, response, path, from };
      if (/^\/mcp(\/|$)/.test(path)) mcp.door.serve(exchange);
      else answerRefusal(response, exchange.requestId, "request.path-unknown");
    },
    viewChanged,
    async close() {
      accounts.close();
      mcp.close();
      await Promise.all([upstreams.close(), models.close()]);
      deadlines.close();
    },
  };
}
