// What the gate says of itself when a client begins, given at once from what is known: no server is asked. It declares all that
// it can bring, also where no server has it yet, because a server that comes later has no way to say so to who is there.

import type { Principal, View } from "@tollgate/kernel/view";
import { reachesServer } from "@tollgate/kernel/view";
import { isShown } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import type { Surface } from "../surface/surface.ts";
import { modernVersion } from "../upstream/modern-call.ts";

export const legacyVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
export type LegacyVersion = (typeof legacyVersions)[number];

export const serverInfo = { name: "tollgate", version: "0.1.0" };
const shared = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
};
const instructionCharsMax = 16_384;
const perServerCharsMax = 4_096;

/** A version that is not served is answered with the newest, and the client decides for itself. */
export function versionFor(requested: string | undefined): LegacyVersion {
  return legacyVersions.find((version) => version === requested) ?? legacyVersions[0];
}

export function initializeResult(protocolVersion: LegacyVersion, instructions: string): string {
  return JSON.stringify({
    protocolVersion,
    capabilities: shared,
    serverInfo,
    ...(instructions === "" ? {} : { instructions }),
  });
}

/** `legacy`: whether clients of the former era are served here, too. */
export function discoverResult(legacy: boolean, instructions: string): string {
  return JSON.stringify({
    resultType: "complete",
    supportedVersions: [modernVersion, ...(legacy ? legacyVersions : [])],
    capabilities: shared,
    ...(instructions === "" ? {} : { instructions }),
    ttlMs: 0,
    cacheScope: "private",
    _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
  });
}

/** What each server that the key reaches says about itself, under its name. */
export function instructionsFor(surface: Surface, catalogues: Catalogues, view: View, principal: Principal): string {
  // Headings, too, tell of no server that the key does not reach.
  const reached = surface.servers.filter(({ name }) => reachesServer(view, principal, name));
  const parts: string[] = [];
  let chars = 0;
  for (const { id, name } of reached) {
    const catalogue = catalogues.of(id);
    if (catalogue === undefined || !isShown(catalogue) || catalogue.instructions === "") continue;
    const text = catalogue.instructions.slice(0, perServerCharsMax).toWellFormed();
    const part = reached.length === 1 ? text : `# ${name}\n${text}`;
    if (chars + part.length > instructionCharsMax) break;
    chars += part.length + 2;
    parts.push(part);
  }
  return parts.join("\n\n");
}
