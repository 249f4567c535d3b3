// Watches one server: connects, reads its lists, keeps them fresh, and tries again with growing pauses when it is gone. What
// it lists is shown a while longer than it answers, so that a blink does not take tools away in the middle of a turn; then it
// goes, and comes back by itself. Nothing here ever makes a client wait.

import { randomInt } from "node:crypto";
import { TollgateError, type ErrorCode } from "@tollgate/kernel/errors";
import type { Log } from "../../log-output.ts";
import { failureOf } from "../../upstream/failure.ts";
import type { AskParts } from "../upstream/ask.ts";
import { listMeter, tooLarge, type ListLimits, type Room } from "../list-bounds.ts";
import {
  listKinds,
  listMethods,
  noCapabilities,
  noHints,
  noLists,
  placeOf,
  type Catalogue,
  type Era,
  type Health,
  type HealthState,
  type Hints,
  type Listed,
  type ListKind,
} from "./catalogue.ts";
import { connect, StatusError, type Connection } from "./connection.ts";
import { markProblem } from "../forward/param-headers.ts";
import { readPage } from "./read-list.ts";

export type WatchParts = AskParts & {
  readonly serverId: string;
  /** The eras that it may speak, in the order in which they are tried. */
  readonly order: readonly Era[];
  /** Whether a server's questions can be brought to the client that is meant. */
  readonly interactive: boolean;
  readonly limits: ListLimits;
  readonly room: Room;
  readonly log: Log;
  readonly wallMs: () => number;
  onCatalogue(catalogue: Catalogue): void;
};

export type Watch = {
  /** A call found it gone, or wrong in its era: it is looked at now. */
  suspect(): void;
  /** What was in the way may be gone. */
  tryAgain(): void;
  close(): void;
};

const pauseMsMin = 500;
const pauseMsMax = 60_000;
const graceMs = 10_000;
/** While its tools are shown, calls meet it: that it is back should be known soon. */
const gracePauseMsMax = 2_000;
/** Of changes that come together one is told. */
const settleMs = 25;
/** A server that does not tell of changes is asked again; one that does, as a check that it lives. */
const askAgainMs = 60_000;
const revisionStartMax = 2 ** 47;

export function watchServer(parts: WatchParts): Watch {
  let catalogue: Catalogue = {
    serverId: parts.serverId,
    place: placeOf(parts.upstream.server),
    // What the server had for a former watch, or a former process, bears a number of that: the same would hide a change.
    revision: randomInt(revisionStartMax),
    health: { state: "connecting", reason: "", sinceMs: parts.wallMs() },
    era: undefined,
    version: "",
    serverInfo: "",
    instructions: "",
    capabilities: noCapabilities,
    lists: noLists,
    listedMs: 0,
    unfitTools: [],
    hints: noHints,
  };
  let connection: Connection | undefined;
  let attempt: object | undefined;
  let pauseMs = pauseMsMin;
  let goneSinceMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let settling: NodeJS.Timeout | undefined;
  const changed = new Set<ListKind>();
  /** Whose lists are being read. */
  let reading: Connection | undefined;
  let isWorthAnother = false;
  /** It was said that its resources are more than are listed. */
  let isCut = false;
  let isClosed = false;

  function publish(next: Partial<Omit<Catalogue, "serverId" | "place" | "revision">>): void {
    const isOther = Object.keys(next).some((member) => member !== "health");
    catalogue = { ...catalogue, ...next, revision: catalogue.revision + (isOther ? 1 : 0) };
    parts.onCatalogue(catalogue);
  }

  function healthOf(state: HealthState, reason: string, code?: ErrorCode): { health: Health } {
    const { health } = catalogue;
    const sinceMs = health.state === state ? health.sinceMs : parts.wallMs();
    return { health: { state, reason, sinceMs, ...(code === undefined ? {} : { code }) } };
  }

  function later(ms: number, what: () => void): void {
    clearTimeout(timer);
    timer = setTimeout(what, ms);
    timer.unref();
  }

  async function open(): Promise<void> {
    if (isClosed) return;
    clearTimeout(timer);
    const mine = (attempt = {});
    connection?.close();
    connection = undefined;
    const isMine = (): boolean => attempt === mine && !isClosed;
    try {
      const opened = await connect(parts, parts.order, parts.interactive, {
        onListChanged: (kinds) => isMine() && noteChanged(kinds),
        onSuspect: () => isMine() && connection !== undefined && check(),
        onLost: (reason) => isMine() && lost(new TollgateError("upstream.unreachable", reason)),
      });
      if (!isMine()) return opened.close();
      connection = opened;
      const read = await reads(opened, () => readAll(opened, listKinds));
      if (!isMine()) return opened.close();
      isWorthAnother = false;
      goneSinceMs = undefined;
      pauseMs = pauseMsMin;
      const { era, version, serverInfo, instructions, capabilities } = opened.introduction;
      publish({ era, version, serverInfo, instructions, capabilities, ...read, ...healthOf("connected", "") });
      later(jittered(askAgainMs), check);
    } catch (error) {
      if (isMine()) lost(error);
    }
  }

  function lost(error: unknown): void {
    attempt = undefined;
    connection?.close();
    connection = undefined;
    if (isWorthAnother) {
      isWorthAnother = false;
      return void open();
    }
    goneSinceMs ??= performance.now();
    const wasShown = catalogue.health.state === "connected" || catalogue.health.state === "degraded";
    const isGrace = wasShown && performance.now() - goneSinceMs < graceMs;
    const state = isGrace ? "degraded" : stateOf(failureOf(error));
    const failure = failureOf(error);
    const reason = failure.detail ?? "";
    if (state !== catalogue.health.state)
      parts.log.warn({ server: parts.upstream.server.name, state, reason }, "a server's health changed");
    publish(healthOf(state, reason, failure.code));
    const graceLeftMs = goneSinceMs + graceMs - performance.now();
    later(isGrace ? Math.min(jittered(pauseMs), graceLeftMs) : jittered(pauseMs), () => void open());
    pauseMs = Math.min(pauseMs * 2, isGrace ? gracePauseMsMax : pauseMsMax);
  }

  async function readAll(from: Connection, kinds: readonly ListKind[]) {
    // Before the first page: what it has changed since may not be among what was read.
    const listedMs = parts.wallMs();
    const lists: { [Kind in ListKind]: readonly Listed[] } = { ...catalogue.lists };
    const hints: { [Kind in ListKind]: Hints } = { ...catalogue.hints };
    let { unfitTools } = catalogue;
    for (const kind of kinds) {
      const has = from.introduction.capabilities.lists.includes(kind);
      const { items, unfit, hint } = has ? await readList(from, kind) : { items: [], unfit: [], hint: noHints[kind] };
      lists[kind] = isSame(lists[kind], items) ? lists[kind] : items;
      hints[kind] = hint;
      if (kind === "tools" && !isSameTexts(unfitTools, unfit)) unfitTools = unfit;
    }
    return { lists, unfitTools, hints, listedMs };
  }

  async function readList(
    from: Connection,
    kind: ListKind,
  ): Promise<{ items: readonly Listed[]; unfit: readonly string[]; hint: Hints }> {
    const { limits, room } = parts;
    const { meter, close } = listMeter(limits, room);
    const byName = new Map<string, Listed>();
    const unfit = new Set<string>();
    let hint: Hints = { ttlMs: Number.POSITIVE_INFINITY, isPublic: true };
    let cursor: string | undefined;
    const soFar = (itemsMax: number) => ({ items: [...byName.values()].slice(0, itemsMax), unfit: [...unfit], hint });
    try {
      for (let page = 1; ; page++) {
        const answer = await from.list(listMethods[kind].method, cursor, meter);
        const { items, next, hints } = readPage(kind, answer);
        for (const item of items) {
          if (byName.has(item.name) || unfit.has(item.name)) continue;
          if (isUsable(from, kind, item)) byName.set(item.name, item);
          else unfit.add(item.name);
        }
        if (byName.size + unfit.size > limits.listServerToolsMax) throw tooLarge(`${limits.listServerToolsMax} items`);
        hint = { ttlMs: Math.min(hint.ttlMs, hints.ttlMs), isPublic: hint.isPublic && hints.isPublic };
        if (next === undefined) return soFar(limits.listServerToolsMax);
        if (page === limits.listServerPagesMax) throw tooLarge(`${limits.listServerPagesMax} pages`);
        cursor = next;
      }
    } catch (error) {
      // A resource list may have no end: what is beyond a bound is not listed, and can be read all the same.
      if (kind !== "resources" || byName.size === 0 || !isBound(error)) throw error;
      const { name } = parts.upstream.server;
      if (!isCut) parts.log.warn({ server: name, reason: error.detail }, "of a server's resources not all are listed");
      isCut = true;
      return soFar(limits.listServerToolsMax);
    } finally {
      close();
    }
  }

  /** What a modern server marks to be sent in headers must be fit for it, or the tool is none over HTTP. */
  function isUsable(from: Connection, kind: ListKind, { name, bytes }: Listed): boolean {
    const problem = kind === "tools" && from.introduction.era === "modern" ? markProblem(bytes) : undefined;
    if (problem !== undefined)
      parts.log.warn({ server: parts.upstream.server.name, tool: name, problem }, "a tool is left out");
    return problem === undefined;
  }

  /** One reading at a time: what is told meanwhile is read when that is done, however often it was told. */
  async function reads<T>(from: Connection, read: () => Promise<T>): Promise<T> {
    reading = from;
    try {
      return await read();
    } finally {
      if (reading === from) reading = undefined;
      if (changed.size > 0) noteChanged([]);
    }
  }

  function noteChanged(kinds: readonly ListKind[]): void {
    for (const kind of kinds) changed.add(kind);
    settling ??= setTimeout(() => {
      settling = undefined;
      void refresh();
    }, settleMs);
  }

  async function refresh(): Promise<void> {
    const from = connection;
    const mine = attempt;
    if (from === undefined || reading === from || isClosed) return;
    const kinds = [...changed];
    changed.clear();
    try {
      const read = await reads(from, () => readAll(from, kinds));
      if (attempt !== mine || isClosed) return;
      const isOther =
        kinds.some((kind) => read.lists[kind] !== catalogue.lists[kind]) || read.unfitTools !== catalogue.unfitTools;
      // All of it goes to every process each time that it is said: what is as it was is not said again.
      if (isOther || catalogue.health.state !== "connected")
        publish({ ...(isOther ? read : {}), ...healthOf("connected", "") });
      later(jittered(askAgainMs), check);
    } catch (error) {
      if (attempt === mine && !isClosed) lost(error);
    }
  }

  function check(): void {
    for (const kind of listKinds) changed.add(kind);
    void refresh();
  }

  void open();
  return {
    suspect() {
      if (connection !== undefined) check();
      else if (attempt === undefined) void open();
    },
    tryAgain() {
      if (connection !== undefined) return;
      if (attempt !== undefined) {
        // It may have begun without what is there now.
        isWorthAnother = true;
        return;
      }
      // Who calls it meanwhile waits for what comes of it.
      if (catalogue.era === undefined) publish(healthOf("connecting", ""));
      void open();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(settling);
      connection?.close();
    },
  };
}

function stateOf(error: TollgateError): HealthState {
  if (error instanceof StatusError && (error.status === 401 || error.status === 403)) return "needs-auth";
  if (error.code === "upstream.address-refused" || error.code === "upstream.secret-missing") return "refused";
  return "unreachable";
}

function isBound(error: unknown): error is TollgateError {
  return error instanceof TollgateError && (error.code === "upstream.too-large" || error.code === "mcp.list-full");
}

function isSameTexts(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && before.every((text, index) => text === after[index]);
}

function isSame(before: readonly Listed[], after: readonly Listed[]): boolean {
  return (
    before.length === after.length &&
    before.every(({ name, sha256 }, index) => name === after[index]?.name && sha256 === after[index]?.sha256)
  );
}

function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
