// Planted bugs: followers as somebody might write them first. They take a snapshot each time, whatever it is of, attach, and
// deliver what is newer than what they have; the first of them without asking whether something is missing in between.

import type { Record as LogRecord } from "@tollgate/schema/sync";
import type { Follower, FollowerParts } from "@tollgate/proxy/feed/follower";
import type { Place } from "@tollgate/proxy/feed/source";

export function followNaively(parts: FollowerParts, seesHoles: boolean): Follower {
  const { clock, sources, snapshot, onSnapshot, onCommits, onTick } = parts;
  let isStopping = false;
  let place: Place | undefined;
  let open: LogRecord[] = [];
  let isLost = false;

  async function connect(): Promise<void> {
    const taken = await snapshot(0n, new AbortController().signal);
    place = taken;
    onSnapshot(taken);
    const attached = await sources[0]?.attach(place, {
      onRecords(log, records) {
        for (const record of records) {
          if (!place || record.position <= (open.at(-1) ?? place).position) continue;
          if (seesHoles && record.position !== (open.at(-1) ?? place).position + 1n) return void (isLost = true);
          open.push(record);
          if (record.commit !== record.position) continue;
          place = { log, position: record.position, hash: record.hash };
          onCommits(log, open.splice(0));
        }
      },
      onTick(log, tick) {
        if (!seesHoles || (place && tick.head <= place.position)) onTick(log, tick);
      },
      onLost: () => (isLost = true),
    });
    while (!isLost && !isStopping) await clock.wait(250);
    await attached?.detach();
  }

  const running = (async () => {
    while (!isStopping) {
      isLost = false;
      open = [];
      await connect().catch(() => undefined);
      await clock.wait(100);
    }
  })();
  return {
    status: () => ({ source: "none", place }),
    said: () => undefined,
    renew: async () => undefined,
    async stop() {
      isStopping = true;
      await running;
    },
  };
}
