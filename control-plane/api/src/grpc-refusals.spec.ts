// Refusals at the door are all counted, and told as alarms at a pace that a stranger cannot set.

import { expect, test } from "vitest";
import { createGrpcRefusals } from "./grpc-refusals.ts";
import { openLog } from "./log-output.ts";

test("each is counted by its code; alarms come at once, then at most every ten seconds, with how many there were", () => {
  let nowMs = 0;
  const lines: string[] = [];
  const log = openLog("info", (line) => lines.push(line));
  const { refused, stranger, byCode } = createGrpcRefusals(log, () => nowMs);
  const caller = { proxyId: "p1", boot: "b1" };
  for (let n = 0; n < 3; n++) refused("enrolment.token-refused", { caller: undefined, from: "10.0.0.1:5" });
  stranger({ reason: "ERR_SSL_HTTP_REQUEST", from: "10.0.0.2" });
  refused("proxy.id-in-use", { caller, from: "10.0.0.3:5" });
  refused("sync.log-differs", { caller, from: "10.0.0.3:5" });
  nowMs = 10_000;
  refused("enrolment.token-refused", { caller: undefined, from: "10.0.0.1:6" });
  expect(Object.fromEntries(byCode())).toEqual({
    "enrolment.token-refused": 4,
    "enrolment.certificate-refused": 1,
    "proxy.id-in-use": 1,
    "sync.log-differs": 1,
  });
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(told.map(({ code, refused: count }) => [code, count])).toEqual([
    ["enrolment.token-refused", 1],
    ["enrolment.certificate-refused", 1],
    ["proxy.id-in-use", 1],
    ["enrolment.token-refused", 3],
  ]);
  expect(told[2]).toMatchObject({ proxyId: "p1", boot: "b1", from: "10.0.0.3:5" });
});
