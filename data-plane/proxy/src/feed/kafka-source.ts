// The log over Kafka. It begins at the end of the topic; what was there before is in the snapshot that the follower takes
// next. A record that no relay of ours has written is passed over.

import { eventsTopic, fromKafka } from "@tollgate/kernel/kafka-record";
import type { KafkaDoor } from "../kafka.ts";
import type { RecordCheck } from "./record-check.ts";
import type { Source } from "./source.ts";

export function kafkaSource(kafka: Pick<KafkaDoor, "tail">, check: Pick<RecordCheck, "admits">): Source {
  return {
    name: "kafka",
    beginsAt: "end",
    async attach(_after, listener) {
      const { stop } = await kafka.tail(eventsTopic, {
        onMessage({ headers, value }) {
          const read = fromKafka(headers, value);
          if (!check.admits(read)) return;
          if (read.kind === "tick") listener.onTick(read.log, read.tick);
          else listener.onRecords(read.log, [read.record]);
        },
        onLost: (reason) => listener.onLost(reason),
      });
      return { detach: stop };
    },
  };
}
