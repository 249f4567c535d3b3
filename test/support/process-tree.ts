// Looks at processes that tests did not start themselves: the children of one that they did, by what their command line holds,
// and whether a process or a group is still there. Reads /proc, and so works on Linux alone.

import { readdirSync, readFileSync } from "node:fs";

export function childWith(parent: number, argument: string): number | undefined {
  return childrenOf(parent).find((pid) => commandLineOf(pid).includes(argument));
}

/** Those that live and have the argument not. */
export function childrenWithout(parent: number, argument: string): number[] {
  return childrenOf(parent).filter((pid) => isAlive(pid) && !commandLineOf(pid).includes(argument));
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.parent === parent);
}

/** A zombie is not alive: it only waits to be counted. */
export function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== "Z";
}

export function groupOf(pid: number): number | undefined {
  return statOf(pid)?.group;
}

export function hasMembers(group: number): boolean {
  return readdirSync("/proc").some(
    (name) => /^\d+$/.test(name) && groupOf(Number(name)) === group && isAlive(Number(name)),
  );
}

function statOf(pid: number): { state: string; parent: number; group: number } | undefined {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The program's name stands in brackets, and may hold anything.
  const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === undefined || parent === undefined || group === undefined
    ? undefined
    : { state, parent: Number(parent), group: Number(group) };
}

function commandLineOf(pid: number): readonly string[] {
  return readOrEmpty(`/proc/${pid}/cmdline`).split("\0");
}

/** It may end between two looks. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
