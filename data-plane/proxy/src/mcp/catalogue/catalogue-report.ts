// Tells the control plane what this proxy sees of the servers: how they are at each change and once a minute, what they have
// when that changed or is not known there, and a definition's text when it is asked for. What cannot be told now is told
// with the next report; nothing waits for it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import {
  EntryKind,
  ServerState,
  type CatalogueSeenSchema,
  type CatalogueWanted,
  type ServerSeenSchema,
} from "@tollgate/schema/catalogue";
import { Era } from "@tollgate/schema/resources";
import type { Log } from "../../log-output.ts";
import { clientName } from "../client.ts";
import { listKinds, type Catalogue, type HealthState, type Listed, type ListKind } from "./catalogue.ts";

export type CatalogueReportParts = {
  report: (seen: MessageInitShape<typeof CatalogueSeenSchema>) => Promise<CatalogueWanted>;
  catalogues: () => readonly Catalogue[];
  log: Log;
};

export type CatalogueReport = {
  /** Something is another now. */
  changed(): void;
  close(): void;
};

const settleMs = 100;
const againMs = 60_000;
/** After a report that failed. */
const retryMs = 5_000;
const serversPerReportMax = 50;
const instructionCharsMax = 4_096;
const reasonCharsMax = 500;

export function startCatalogueReport({ report, catalogues, log }: CatalogueReportParts): CatalogueReport {
  /** The revision of each server's lists that the control plane has. */
  const told = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let isWanted = false;
  let isClosed = false;

  function schedule(ms: number): void {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(() => void run(), ms);
    timer.unref();
  }

  async function run(): Promise<void> {
    if (isRunning) return void (isWanted = true);
    isRunning = true;
    isWanted = false;
    try {
      const all = catalogues();
      for (const id of told.keys()) if (!all.some(({ serverId }) => serverId === id)) told.delete(id);
      for (const some of inReports(all)) await tell(some);
      schedule(isWanted ? settleMs : againMs);
    } catch (error) {
      log.debug({ reason: String(error) }, "what is seen of the servers cannot be told; it is tried again");
      schedule(retryMs);
    } finally {
      isRunning = false;
    }
  }

  async function tell(some: readonly Catalogue[]): Promise<void> {
    const servers = some.map((catalogue) => {
      const hasListing = catalogue.era !== undefined && told.get(catalogue.serverId) !== catalogue.revision;
      return seenOf(catalogue, hasListing);
    });
    const wanted = await report({ servers });
    for (const { serverId, revision, era } of some) if (era !== undefined) told.set(serverId, revision);
    for (const id of wanted.listings) told.delete(id);
    if (wanted.listings.some((id) => some.some(({ serverId, era }) => serverId === id && era !== undefined)))
      isWanted = true;
    await define(some, wanted);
  }

  /** As much as fits into a report at a time, until nothing is wanted that is here. */
  async function define(some: readonly Catalogue[], first: CatalogueWanted): Promise<void> {
    const texts = new Map<string, Uint8Array>();
    for (const { lists } of some)
      for (const kind of listKinds) for (const { sha256, bytes } of lists[kind]) texts.set(sha256, bytes);
    for (let wanted = first; wanted.definitions.length > 0 && !isClosed;) {
      const definitions: Uint8Array[] = [];
      let bytes = 0;
      for (const sha256 of wanted.definitions) {
        const name = Buffer.from(sha256).toString("hex");
        const text = texts.get(name);
        texts.delete(name);
        if (text === undefined || text.length > limits.definitionBytesMax) continue;
        if (bytes + text.length > limits.catalogueReportBytesMax) break;
        bytes += text.length;
        definitions.push(text);
      }
      if (definitions.length === 0) return;
      wanted = await report({ servers: some.map((catalogue) => seenOf(catalogue, false)), definitions });
    }
  }

  return {
    changed() {
      if (isRunning) isWanted = true;
      else schedule(settleMs);
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

const states: Record<HealthState, ServerState> = {
  connecting: ServerState.UNSPECIFIED,
  connected: ServerState.CONNECTED,
  degraded: ServerState.DEGRADED,
  unreachable: ServerState.UNREACHABLE,
  "needs-auth": ServerState.NEEDS_AUTH,
  refused: ServerState.REFUSED,
};

const entryKinds: Record<ListKind, EntryKind> = {
  tools: EntryKind.TOOL,
  prompts: EntryKind.PROMPT,
  resources: EntryKind.RESOURCE,
  templates: EntryKind.RESOURCE_TEMPLATE,
};

/** A report that one server makes too large, or whose names the control plane refuses, would tell nothing of the others. */
function* inReports(all: readonly Catalogue[]): Iterable<readonly Catalogue[]> {
  let some: Catalogue[] = [];
  let bytes = 0;
  for (const catalogue of all) {
    const more = listKinds.reduce((sum, kind) => toldOf(catalogue.lists[kind]).reduce(addBytes, sum), 0);
    if (some.length > 0 && (some.length >= serversPerReportMax || bytes + more > limits.catalogueReportBytesMax)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(catalogue);
    bytes += more;
  }
  if (some.length > 0) yield some;
}

function toldOf(list: readonly Listed[]): readonly Listed[] {
  return list.filter(({ name }) => name.length <= limits.catalogueNameCharsMax && !name.includes("\0"));
}

function addBytes(sum: number, { name }: Listed): number {
  return sum + bytesOf(name);
}

/** With its hash, and what protobuf puts around them. */
function bytesOf(name: string): number {
  return Buffer.byteLength(name) + 48;
}

function seenOf(catalogue: Catalogue, hasListing: boolean): MessageInitShape<typeof ServerSeenSchema> {
  const { serverId, health, era, version, serverInfo, instructions, lists, listedMs } = catalogue;
  const named = clientName(serverInfo);
  const entries = listKinds.flatMap((kind) =>
    toldOf(lists[kind]).map(({ name, sha256 }) => {
      return { kind: entryKinds[kind], name, sha256: Buffer.from(sha256, "hex") };
    }),
  );
  let bytes = 0;
  const isWithin = ({ name }: { name: string }, index: number): boolean =>
    index < limits.catalogueEntriesMax && (bytes += bytesOf(name)) <= limits.catalogueReportBytesMax;
  const listing = { listedAtMs: BigInt(Math.trunc(listedMs)), entries: entries.filter(isWithin) };
  return {
    serverId,
    state: states[health.state],
    reason: health.reason.slice(0, reasonCharsMax),
    sinceMs: BigInt(Math.trunc(health.sinceMs)),
    era: era === undefined ? Era.UNSPECIFIED : era === "modern" ? Era.MODERN : Era.LEGACY,
    protocolVersion: version,
    name: named.name,
    version: named.version,
    instructions: instructions.slice(0, instructionCharsMax).toWellFormed(),
    ...(hasListing ? { listing } : {}),
  };
}
