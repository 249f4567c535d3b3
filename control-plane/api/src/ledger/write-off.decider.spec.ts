// Who is written off, and what is said of it. A wrong yes closes a budget that somebody still spends from for nothing; a wrong no
// leaves a ledger frozen.

import { create } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { LeasesWrittenOffSchema } from "@tollgate/schema/events";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { writeOffDecider, type WriteOffCommand } from "./write-off.decider.ts";

const writeOffs = given(writeOffDecider);
const said = { id: "w1", proxyId: "p1", reason: "its disk is lost", by: "admin-token/a" };
const sums = { leases: 3, nanoUsd: 70n, presumedNanoUsd: 0n };
const known = { isKnown: true, connectedMs: undefined, openLeases: 3, isMissing: false };
const command: WriteOffCommand = { kind: "write-off", ...said, ...sums, ...known, isForced: false, timeMs: 5 };
const writtenOff = (more: object = {}) =>
  create(LeasesWrittenOffSchema, { writeOff: { ...said, ...sums, atMs: 5n, isForced: false, ...more } });

test("one that is gone is written off, with who, why, how many leases and how much", () => {
  writeOffs().when(command).then([writtenOff()]);
});

test("one that is connected needs force, and the event says that it was", () => {
  const connected = { ...command, connectedMs: 4 };
  writeOffs().when(connected).refused({ kind: "proxy-connected", heardMs: 4 });
  writeOffs()
    .when({ ...connected, isForced: true })
    .then([writtenOff({ isForced: true })]);
  // To say force of who is gone changes nothing.
  writeOffs()
    .when({ ...command, isForced: true })
    .then([writtenOff()]);
});

test("who was lent nothing is not written off, unless the ledger waits for his word", () => {
  const without = { ...command, openLeases: 0, leases: 0, nanoUsd: 0n };
  writeOffs().when(without).refused({ kind: "nothing-lent", proxyId: "p1" });
  writeOffs()
    .when({ ...without, isMissing: true, presumedNanoUsd: 9n })
    .then([writtenOff({ leases: 0, nanoUsd: 0n, presumedNanoUsd: 9n })]);
});

test("nobody that is not known, and nothing without a reason", () => {
  writeOffs()
    .when({ ...command, isKnown: false, isForced: true })
    .refused({ kind: "not-found", scope: "proxy/p1" });
  for (const reason of ["", "  ", "a\0b", "a\ud800b", "x".repeat(limits.writeOffReasonCharsMax + 1)])
    writeOffs()
      .when({ ...command, reason })
      .refused({ kind: "invalid-input", field: "reason" });
});
