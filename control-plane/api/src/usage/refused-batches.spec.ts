// Bad records come as fast as Kafka gives them: a line for each would fill the disk of whoever keeps the log.

import { expect, test } from "vitest";
import { tellRejections } from "./refused-batches.ts";

test("one bad record a minute is told for each partition, with how many there were since", () => {
  let nowMs = 0;
  const told: unknown[] = [];
  const tell = tellRejections({ error: (detail: unknown) => void told.push(detail) }, () => nowMs);
  const bad = (partition: number, offset: bigint) =>
    tell({ topic: "gateway.usage", partition, offset, reason: "no batch", bytes: 3 });
  for (let offset = 0n; offset < 100n; offset++) bad(0, offset);
  bad(1, 7n);
  nowMs = 60_000;
  bad(0, 100n);
  expect(told).toMatchObject([
    { partition: 0, offset: 0n, refused: 1 },
    { partition: 1, offset: 7n, refused: 1 },
    { partition: 0, offset: 100n, refused: 100 },
  ]);
});
