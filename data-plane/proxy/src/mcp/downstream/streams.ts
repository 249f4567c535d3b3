// How many streams are open, for each key and in all, and how they end when the proxy leaves: not all at once, so that their
// clients do not come back all at once.

import { createSlots } from "../../slots.ts";

export type StreamPlace = {
  leave(): void;
  /** How the stream is ended when the proxy leaves. */
  onDrain(close: () => void): void;
};

export type Streams = {
  /** Undefined where there are as many as may be. */
  take(keyId: string): StreamPlace | undefined;
  count(): number;
  /** Ends all, spread over the time. */
  drain(spreadMs: number): Promise<void>;
};

export type StreamLimits = { readonly streamsMax: number; readonly streamsPerKeyMax: number };

export function createStreams({ streamsMax, streamsPerKeyMax }: StreamLimits): Streams {
  const open = createSlots<{ close: () => void }>();
  const byKey = new Map<string, number>();
  let count = 0;
  return {
    take(keyId) {
      const ofKey = byKey.get(keyId) ?? 0;
      if (count >= streamsMax || ofKey >= streamsPerKeyMax) return undefined;
      count++;
      byKey.set(keyId, ofKey + 1);
      const entry = { close: (): void => undefined };
      const free = open.add(entry);
      let isOpen = true;
      return {
        leave() {
          if (!isOpen) return;
          isOpen = false;
          free();
          count--;
          const left = (byKey.get(keyId) ?? 1) - 1;
          if (left === 0) byKey.delete(keyId);
          else byKey.set(keyId, left);
        },
        onDrain: (close) => void (entry.close = close),
      };
    },
    count: () => count,
    async drain(spreadMs) {
      const all = [...open];
      const pauseMs = all.length === 0 ? 0 : spreadMs / all.length;
      let dueMs = performance.now();
      for (const { close } of all) {
        close();
        dueMs += pauseMs;
        const restMs = dueMs - performance.now();
        if (restMs > 1) await new Promise((resolve) => setTimeout(resolve, restMs));
      }
    },
  };
}
