// The replica and the state of the workers, as the last boot left them: by the same fold as the feed's own messages. What
// this software cannot fold is left, as a whole, and the proxy begins as at its first boot.

import type { FeedMessage } from "../feed/feed.ts";
import { createReplicaHolder, type ReplicaHolder } from "../feed/replica-holder.ts";
import { createWorkerState, type WorkerState } from "../worker-state.ts";

export type Knowledge = { replica: ReplicaHolder; state: WorkerState };

export function restore(messages: readonly FeedMessage[], onUnreadable: (error: unknown) => void): Knowledge {
  const replica = createReplicaHolder();
  const state = createWorkerState();
  try {
    for (const message of messages) {
      replica.apply(message);
      state.add(message, replica.view()?.replica);
    }
    return { replica, state };
  } catch (error) {
    onUnreadable(error);
    return { replica: createReplicaHolder(), state: createWorkerState() };
  }
}
