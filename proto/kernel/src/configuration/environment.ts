// One entry of `environments`: what holds for the proxies that are started for it.

import { limits } from "../limits.ts";
import type { Place } from "./issue.ts";
import { integerOf, mappingOf, newNameOf, type Found, type Reading } from "./reader.ts";

export type ConfiguredEnvironment = { name: string; replicaAgeMsMax: number | undefined; at: Place };

const laterFields = ["contentLogging", "servers"] as const;

export function readEnvironment(
  reading: Reading,
  at: Found,
  taken: Map<string, Place>,
): ConfiguredEnvironment | undefined {
  const read = mappingOf(reading, at, { name: "required", replicaAgeMsMax: "optional" }, { later: laterFields });
  const name = read?.name && newNameOf(reading, read.name, taken);
  const replicaAgeMsMax =
    read?.replicaAgeMsMax &&
    integerOf(reading, read.replicaAgeMsMax, { min: limits.replicaAgeMsMaxMin, max: limits.replicaAgeMsMaxMax });
  return name === undefined || !read?.name ? undefined : { name, replicaAgeMsMax, at: read.name.at };
}
