// Waits for a condition, never for a time: it returns as soon as the condition holds, and fails with what was awaited and
// what was seen last. A condition that throws does not hold yet (a server that is still refusing connections, say); the
// last error becomes the cause of the failure.
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";

export interface Waiting {
  /** Completes the sentence "gave up waiting for …". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

type Falsy = false | 0 | 0n | "" | null | undefined;

/** Resolves with the first value of `condition` that is truthy. */
export async function until<T>(condition: () => T | Promise<T>, waiting: Waiting): Promise<Exclude<T, Falsy>> {
  const { what, timeoutMs = 30_000, intervalMs = 20 } = waiting;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let seen: T | undefined;
    let failure: unknown;
    try {
      seen = await condition();
      if (isTruthy(seen)) return seen;
    } catch (error) {
      failure = error;
    }
    if (performance.now() + intervalMs > deadline) {
      const last =
        failure === undefined ? `the last value was ${inspect(seen)}` : `the last try threw: ${messageOf(failure)}`;
      throw new Error(`gave up waiting for ${what} after ${timeoutMs} ms; ${last}`, { cause: failure });
    }
    await delay(intervalMs);
  }
}

function isTruthy<T>(value: T): value is Exclude<T, Falsy> {
  return Boolean(value);
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : inspect(failure);
}
