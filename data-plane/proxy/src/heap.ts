// How the engine is to treat what lies outside of its heap: bodies in workers, batches of facts in the primary. As it comes it
// marks the whole heap for every 30 MB of them, which took half of the CPU of calls of 580 kB, and for facts more than all else
// that shipping them does. Here it counts them with its old generation instead. Heuristics of the engine, and nothing else.

import { setFlagsFromString } from "node:v8";

const accounted = "--external-memory-accounted-in-global-limit";

/** So that of bodies the young are collected alone until there are 128 MB of old. */
export const workerHeapOptions: readonly string[] = ["--initial-old-space-size=128", accounted];

/**
 * For who was started without options. Its old generation may double before all of it is marked: what it ships dies young, and
 * without that room it was marked whole every ten seconds, which was a sixth of what it does.
 */
export function setPrimaryHeap(): void {
  setFlagsFromString(accounted);
  setFlagsFromString("--heap-growing-percent=100");
}
