// Says when the shipper steps: a moment after it was woken, so that a batch is more than one fact; at once while there is
// more; after a growing pause while sending fails; and now and then in any case, because a wake-up is only a hint. It is
// the one place of the facts that starts timers, and it never runs two steps at a time.
import type { Shipper, StepResult } from "./shipper.ts";

export type ShipperLoop = {
  wake(): void;
  /** Goes on until everything is stored or the time is over; what is left waits on disk for the next boot. */
  close(drainMs: number): Promise<void>;
};

/** Between a wake-up and the step: what is collected meanwhile shares one message, whose price is that of hundreds of facts. */
const lingerMs = 200;
const idleMs = 500;
const pauseMsMin = 100;
const pauseMsMax = 5_000;

export function runShipper(shipper: Shipper, onBug: (error: unknown) => void): ShipperLoop {
  let timer: NodeJS.Timeout | undefined;
  let dueMs = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  let pauseMs = 0;
  let isClosing = false;
  let wasWoken = false;

  function schedule(inMs: number): void {
    const due = performance.now() + inMs;
    if (running !== undefined || isClosing || due >= dueMs) return;
    clearTimeout(timer);
    dueMs = due;
    timer = setTimeout(start, inMs);
  }

  function start(): void {
    timer = undefined;
    dueMs = Number.POSITIVE_INFINITY;
    running = run().finally(() => {
      running = undefined;
      if (pauseMs > 0) schedule(pauseMs * (0.5 + Math.random() / 2));
      else schedule(wasWoken ? lingerMs : idleMs);
    });
  }

  async function run(): Promise<void> {
    wasWoken = false;
    while ((await step()) === "more") if (isClosing) return;
  }

  async function step(): Promise<StepResult> {
    try {
      const result = await shipper.step();
      pauseMs = result === "failed" ? Math.min(pauseMsMax, Math.max(pauseMsMin, pauseMs * 2)) : 0;
      return result;
    } catch (error) {
      pauseMs = pauseMsMax;
      onBug(error);
      return "failed";
    }
  }

  function wake(): void {
    wasWoken = true;
    if (pauseMs === 0) schedule(lingerMs);
  }

  async function close(drainMs: number): Promise<void> {
    isClosing = true;
    clearTimeout(timer);
    const endMs = performance.now() + drainMs;
    // A step may wait for a line that is dead for longer than there is time.
    await Promise.race([running, pause(drainMs)]);
    while (performance.now() < endMs && !shipper.isDrained()) {
      if ((await step()) !== "more") await pause(Math.min(lingerMs, Math.max(0, endMs - performance.now())));
    }
  }

  schedule(0);
  return { wake, close };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
