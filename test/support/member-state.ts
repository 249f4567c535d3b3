// What a running process says of itself to an operator, and what a stopped one left: the lines of its metrics and its id.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Member } from "./stack.ts";

/** By name with labels, as it is written: `name{label="value"}`. */
export async function readMetrics({ adminUrl }: Pick<Member, "adminUrl">): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

/** 0 where there is no such line. */
export async function readMetric(member: Pick<Member, "adminUrl">, name: string): Promise<number> {
  return (await readMetrics(member)).get(name) ?? 0;
}

export function proxyIdOf({ dataDir }: Pick<Member, "dataDir">): string {
  const [, id] = /"proxyId":"(\w+)"/.exec(readFileSync(join(dataDir, "proxy", "proxy.json"), "utf8")) ?? [];
  if (id === undefined) throw new Error(`there is no proxy's id in ${dataDir}`);
  return id;
}
