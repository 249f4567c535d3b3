// Which of several sinks is used now: the first as long as it works, the next when it has failed for some seconds or taken
// facts that never arrived, and the first again after a while, to see whether it has come back. It sends nothing itself.
import type { FactSink } from "./sink.ts";

export type SinkChoice = {
  active(): FactSink;
  /** Its last attempt failed. */
  isFailing(): boolean;
  succeeded(): void;
  failed(): void;
  /** It took facts, and the watermark stood still. */
  stalled(): void;
};

const failingMsMax = 3_000;
const preferredAgainMs = 30_000;

export function openSinkChoice(
  sinks: readonly [FactSink, ...FactSink[]],
  monotonicMs: () => number,
  onChange: (sink: string) => void,
): SinkChoice {
  const [preferred] = sinks;
  let index = 0;
  let failingSinceMs: number | undefined;
  let leftPreferredMs = 0;

  function use(next: number): void {
    failingSinceMs = undefined;
    if (next === index) return;
    if (index === 0) leftPreferredMs = monotonicMs();
    index = next;
    onChange(current().name);
  }

  function current(): FactSink {
    return sinks[index] ?? preferred;
  }

  function useNext(): void {
    use((index + 1) % sinks.length);
  }

  return {
    active: () => {
      if (index !== 0 && monotonicMs() - leftPreferredMs >= preferredAgainMs) use(0);
      return current();
    },
    isFailing: () => failingSinceMs !== undefined,
    succeeded: () => {
      failingSinceMs = undefined;
    },
    failed: () => {
      failingSinceMs ??= monotonicMs();
      if (monotonicMs() - failingSinceMs >= failingMsMax) useNext();
    },
    stalled: useNext,
  };
}
