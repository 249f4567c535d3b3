// Decisions about enrolled proxies: an id belongs to its first key for good, and is gone for good when it was revoked.

import { create } from "@bufbuild/protobuf";
import { ProxyEnrolledSchema, ProxyRevokedSchema } from "@tollgate/schema/events";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { proxyDecider } from "./proxy.decider.ts";

const timeMs = 1_800_000_000_000;
const keySha256 = new Uint8Array(32).fill(7);
const labels = { joinTokenId: "j1", environment: "production", region: "eu" };
const proxy = { id: "p1", keySha256, ...labels, enrolledAtMs: BigInt(timeMs) };
const enrol = { kind: "enrol", id: "p1", keySha256, ...labels, timeMs } as const;
const enrolled = create(ProxyEnrolledSchema, { proxy });
const revoked = create(ProxyRevokedSchema, { proxy: { ...proxy, revokedAtMs: BigInt(timeMs) } });
const proxies = given(proxyDecider);

test("a proxy is enrolled once for its key; coming again with it changes nothing, with another it is somebody else", () => {
  proxies().when(enrol).then([enrolled]);
  proxies(enrolled).when(enrol).then([]);
  proxies(enrolled)
    .when({ ...enrol, keySha256: new Uint8Array(32) })
    .refused({ kind: "already-exists" });
});

test("what was revoked is not enrolled again, with no key, and not revoked twice", () => {
  proxies(enrolled).when({ kind: "revoke", id: "p1", timeMs }).then([revoked]);
  proxies(enrolled, revoked).when(enrol).refused({ kind: "already-revoked" });
  proxies(enrolled, revoked).when({ kind: "revoke", id: "p1", timeMs }).refused({ kind: "already-revoked" });
  proxies().when({ kind: "revoke", id: "p1", timeMs }).refused({ kind: "not-found" });
});
