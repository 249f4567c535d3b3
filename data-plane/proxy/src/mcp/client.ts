// Who speaks on the other side of the door, whichever era he speaks: what he declared, who he says he is, and what of a
// server's talk he wants to hear.

import type { Era } from "./catalogue/catalogue.ts";
import type { CapabilitySet } from "./capability-set.ts";

export const logLevels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const;
export type LogLevel = (typeof logLevels)[number];

export type Client = {
  readonly era: Era;
  readonly version: string;
  readonly capabilities: CapabilitySet;
  /** JSON of his name and version, as he sent it. */
  readonly info: string;
};

export function logLevelOf(text: unknown): LogLevel | undefined {
  return logLevels.find((level) => level === text);
}

export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(least);
}

export type ClientName = { readonly name: string; readonly version: string };

const nameCharsMax = 128;
const known = new Map<string, ClientName>();
const knownMax = 1_000;
/** What is longer is read anew each time: it is not for its sender to say how much is remembered. */
const infoCharsMax = 1_024;

/** For records: bounded, and empty where he does not say. */
export function clientName(info: string): ClientName {
  const remembered = known.get(info);
  if (remembered !== undefined) return remembered;
  const { name, version }: { name?: unknown; version?: unknown } = Object(JSON.parse(info === "" ? "{}" : info));
  const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, nameCharsMax) : "");
  const named = { name: text(name), version: text(version) };
  if (info.length > infoCharsMax) return named;
  if (known.size >= knownMax) for (const oldest of known.keys()) if (known.delete(oldest)) break;
  known.set(info, named);
  return named;
}
