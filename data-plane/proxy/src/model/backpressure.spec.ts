// Readers who are slower than their provider, answers that are larger than anybody would keep, and clients who leave. A gate that
// kept for them what they do not read would be out of memory with a few hundred agents whose laptops were closed; and one that
// did not notice that they are gone would go on paying for them. Memory is the gate's own: everybody else is another process.

import { expect, test, vi } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { startFlood, type Flood, type Told } from "../fixtures/flood.ts";
import { bytesInUse } from "../fixtures/heap.ts";
import * as fixture from "../fixtures/model-fixture.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 180_000 });

const { priceList, provider, startModelGate } = fixture;

const mebibyte = 1024 * 1024;
const hundredMegabytes = 100_000_000;
const prices = [priceList([{ provider: "p", model: "m", rates: { input: 1_000_000n, output: 5_000_000n } }])];

async function scene() {
  const flood = await startFlood();
  const gate = await startModelGate([provider("p", flood.url, { timeoutSeconds: 600 })], { more: prices });
  const read = { do: "read", url: gate.url, key: gate.agent.text } as const;
  return { flood, gate, read };
}

async function long(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 150_000; !(await condition()); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
}

/** When the provider has written nothing for as many looks. */
async function settled(flood: Flood): Promise<Told> {
  let last = await flood.tell({ do: "tell" });
  let same = 0;
  await long(async () => {
    const now = await flood.tell({ do: "tell" });
    same = now.written === last.written && now.received === last.received ? same + 1 : 0;
    last = now;
    return same === 20;
  }, "everybody to wait");
  return last;
}

test("a thousand slow readers of large streams cost what is on its way to them, however much there is to come", async () => {
  const readers = 1_000;
  const { flood, gate, read } = await scene();
  const before = await bytesInUse();
  await flood.tell({ ...read, count: readers, form: "events", bytes: hundredMegabytes, isFast: false });
  await long(async () => (await flood.tell({ do: "tell" })).heads === readers, "all answers to begin");
  const first = await settled(flood);
  const atFirst = ((await bytesInUse()) - before) / readers;
  // What is not read stays with the provider, but for what the kernel keeps between them.
  expect(first.openAnswers).toBe(readers);
  expect(first.written).toBeLessThan((readers * hundredMegabytes) / 4);
  let latest = atFirst;
  for (let sips = 0; sips < 3; sips++) {
    await flood.tell({ do: "sip", bytes: mebibyte / 2 });
    await settled(flood);
    latest = ((await bytesInUse()) - before) / readers;
  }
  const last = await flood.tell({ do: "tell" });
  console.log(
    `${readers} readers: ${Math.round(atFirst / 1024)} KiB each, after ${Math.round((last.received - first.received) / mebibyte)} MiB more ${Math.round(latest / 1024)} KiB each`,
  );
  expect(last.received - first.received).toBeGreaterThan((readers * mebibyte * 3) / 2 - readers);
  expect(atFirst).toBeLessThan(mebibyte / 2);
  expect(latest).toBeLessThan(atFirst * 1.25 + 32 * 1024);
  const left = performance.now();
  await flood.tell({ do: "leave" });
  await long(async () => (await flood.tell({ do: "tell" })).openAnswers === 0, "the provider to hear of it");
  const gone = await flood.tell({ do: "tell" });
  console.log(
    `${readers} left: the provider heard of the last after ${Math.round(performance.now() - left)} ms, and had written ${Math.round((gone.written - last.written) / 1024)} KiB more`,
  );
  await long(async () => gate.facts.length === readers, "the facts of all");
  expect(gone.written - last.written).toBeLessThan(readers * mebibyte);
  const all = await bytesInUse();
  expect((all - before) / readers).toBeLessThan(32 * 1024);
});

for (const form of ["events", "json"] as const)
  test(`answers of 100 MB, of ${form === "json" ? "one text" : "one line"}, pass whole and are not kept`, async () => {
    const { flood, gate, read } = await scene();
    const before = await bytesInUse();
    await flood.tell({ ...read, count: 4, form, bytes: hundredMegabytes, isFast: true });
    let most = 0;
    await long(async () => {
      most = Math.max(most, (await bytesInUse()) - before);
      return (await flood.tell({ do: "tell" })).ended === 4;
    }, "all to be read");
    const { received, digests } = await flood.tell({ do: "tell" });
    console.log(`4 answers of 100 MB (${form}): at most ${Math.round(most / mebibyte)} MiB in use`);
    expect(received).toBeGreaterThan(4 * hundredMegabytes);
    expect(new Set(digests).size).toBe(1);
    expect(digests).toHaveLength(form === "json" ? 8 : 4);
    expect(most).toBeLessThan(32 * mebibyte);
    await until(() => gate.facts.length === 4, "the facts");
    for (const { kind } of gate.facts)
      expect(kind.value).toMatchObject({ outcome: 1, basis: 1, costNanoUsd: 9n + 75n });
  });

test("who leaves in the middle of a stream ends it at the provider, and little more is written", async () => {
  const { flood, gate, read } = await scene();
  await flood.tell({ ...read, count: 20, form: "events", bytes: hundredMegabytes * 100, isFast: true });
  await long(async () => (await flood.tell({ do: "tell" })).received > 20 * mebibyte, "the streams to run");
  const left = performance.now();
  const { written } = await flood.tell({ do: "leave" });
  await long(async () => (await flood.tell({ do: "tell" })).openAnswers === 0, "the provider to hear of it");
  const gone = await flood.tell({ do: "tell" });
  const afterMs = Math.round(performance.now() - left);
  console.log(`20 left: heard of after ${afterMs} ms and ${Math.round((gone.written - written) / 1024)} KiB`);
  // What sockets and the kernel hold, and by far not what there was to come.
  expect(gone.written - written).toBeLessThan(20 * 16 * mebibyte);
  await until(() => gate.facts.length === 20, "the facts");
  for (const { kind } of gate.facts) expect(kind.value).toMatchObject({ outcome: 3, basis: 2 });
});
