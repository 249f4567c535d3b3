// What the gate and the ledger say to each other: how often, and what one exchange costs the gate. It comes at its own times, so that it
// cannot be seen in calls of two kinds that take turns at one gate.

import { setTimeout as delay } from "node:timers/promises";
import type { Stack } from "../support/stack.ts";
import { cpuOf } from "./load.ts";

const idleParts = 3;
const idleMs = 25_000;
/** Until what a call leaves behind is done. */
const settlingMs = 2_000;
const sampleMs = 20;
/** An exchange is counted in its middle, at the ledger. */
const [beforeMs, afterMs] = [80, 120];

/**
 * What a gate without calls uses about the time of an exchange, beyond what it uses at other times of the same seconds. It goes on to
 * exchange every second for half a minute after the last call. Under load it is less for each, because then its code is in use.
 */
export async function exchangeCost(stack: Stack, call: () => Promise<boolean>): Promise<number> {
  const samples: Sample[] = [];
  for (let part = 0; part < idleParts; part++) {
    if (!(await call())) throw new Error("void run: a call was refused");
    await delay(settlingMs);
    samples.push(...(await idleSamples(stack)));
  }
  const times = samples.filter(({ exchanges }) => exchanges > 0).map(({ atMs }) => atMs);
  const isNear = ({ atMs }: Sample): boolean => times.some((time) => atMs > time - beforeMs && atMs < time + afterMs);
  const near = sumOf(samples.filter(isNear));
  const rest = sumOf(samples.filter((sample) => !isNear(sample)));
  return (near.cpuUs - (near.ms * rest.cpuUs) / rest.ms) / near.exchanges;
}

type Sample = { readonly atMs: number; readonly ms: number; readonly cpuUs: number; readonly exchanges: number };

async function idleSamples(stack: Stack): Promise<Sample[]> {
  const cpu = await cpuOf(stack.proxy().pid);
  const look = async () => ({
    exchanges: await exchangesOf(stack),
    cpuUs: cpu.seconds() * 1e6,
    atMs: performance.now(),
  });
  const samples: Sample[] = [];
  const start = await look();
  for (let last = start; last.atMs - start.atMs < idleMs;) {
    await delay(sampleMs);
    const now = await look();
    samples.push({
      atMs: now.atMs,
      ms: now.atMs - last.atMs,
      cpuUs: now.cpuUs - last.cpuUs,
      exchanges: now.exchanges - last.exchanges,
    });
    last = now;
  }
  return samples;
}

function sumOf(samples: readonly Sample[]): Omit<Sample, "atMs"> {
  const sum = (of: "ms" | "cpuUs" | "exchanges"): number => samples.reduce((all, sample) => all + sample[of], 0);
  return { ms: sum("ms"), cpuUs: sum("cpuUs"), exchanges: sum("exchanges") };
}

export async function ledgerLoad(stack: Stack): Promise<{ exchanges: number; statements: number; cpuSeconds: number }> {
  return {
    exchanges: await exchangesOf(stack),
    statements: await counterOf(stack, "tollgate_ledger_statements_total"),
    cpuSeconds: (await cpuOf(stack.control.pid)).seconds(),
  };
}

async function exchangesOf(stack: Stack): Promise<number> {
  return counterOf(stack, "tollgate_ledger_exchanges_total");
}

async function counterOf({ control }: Stack, name: string): Promise<number> {
  const text = await (await fetch(`${control.adminUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}
