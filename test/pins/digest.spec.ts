// Digests are compared between proxies and a control plane of different versions: the same resources must give the same
// value in all of them. The values were computed apart from the code, by the rule: the sum, modulo 2^128, of the first
// sixteen bytes of SHA-256("<kind>/<id>\n" + the resource's bytes).

import { digest, empty, fromSnapshot } from "@tollgate/kernel/replica";
import { expect, test } from "vitest";

const resource = (kind: string, id: string, hex: string) => ({
  kind,
  id,
  bytes: Uint8Array.from(Buffer.from(hex, "hex")),
});

const replica = fromSnapshot(4n, [
  resource("team", "0123456789abcdef", "0a1030313233343536373839616263646566120b656e67696e656572696e67"),
  resource("team", "fedcba9876543210", "0a1066656463626139383736353433323130120664657369676e"),
  resource("team", "0000000000000001", "0a103030303030303030303030303030303112026162"),
  resource("key", "0000000000000001", "0a103030303030303030303030303030303112026162"),
]);

const pins = [
  ["team", "5270d9d25d8d7e90b1269b8a196209d9"],
  ["key", "7420e352d928709bff596f70ca4083c6"],
  ["server", "00000000000000000000000000000000"],
] as const;

test.each(pins)("the digest of a fixed replica's kind %s", (kind, hex) => {
  const changed = "proxies of another version would look diverged for ever: the digest's rule never changes";
  expect(Buffer.from(digest(replica, kind)).toString("hex"), changed).toBe(hex);
});

test("nothing has the digest zero", () => {
  expect(digest(empty(), "team")).toEqual(new Uint8Array(16));
});
