// A handle is in the client's hands. If one could be changed, moved to another key, or used for something else, a client
// would choose what a proxy believes of its own sessions. And if rotation lost one, agents would lose their sessions daily.

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seedFromEnv } from "../../../../test/support/random.ts";
import {
  createSealer,
  handleCharsMax,
  payloadBytesMax,
  type Binding,
  type OpenRefusal,
  type Purpose,
} from "./sealer.ts";
import { createSealingKeys, type SealingKey } from "./sealing-keys.ts";

const seed = seedFromEnv();
const startMs = 1_800_000_000_000;
const dayMs = 86_400_000;

function key(id: number, useFromMs = startMs, acceptUntilMs?: number): SealingKey {
  return { id, key: randomBytes(32), useFromMs, acceptUntilMs };
}

function proxy(keys: readonly SealingKey[]) {
  const world = { nowMs: startMs, refused: [] as OpenRefusal[] };
  const sealingKeys = createSealingKeys();
  sealingKeys.replace(keys);
  const sealer = createSealer({
    keys: sealingKeys,
    nowMs: () => world.nowMs,
    onRefused: (reason) => world.refused.push(reason),
  });
  return { world, keys: sealingKeys, ...sealer };
}

const binding: Binding = { purpose: "session", principal: "key-1" };
const payload = Buffer.from("what a session must remember");

function sealed(
  by: ReturnType<typeof proxy>,
  of = binding,
  bytes: Uint8Array = payload,
  ms = startMs + 60_000,
): string {
  const made = by.seal(of, bytes, ms);
  if (made.outcome !== "sealed") throw new Error(made.reason);
  return made.text;
}

const refusal = (reason: OpenRefusal) => ({ outcome: "refused", reason });

describe("a handle", () => {
  const shared = [key(1)];
  const here = proxy(shared);
  const purposes = fc.constantFrom<Purpose>("session", "cursor", "request-state");
  const principals = fc.string({ maxLength: 40 });

  test("opens at every proxy with the key, for its purpose and principal, and shows nothing of what is in it", () => {
    const other = proxy(shared);
    const bytes = fc.uint8Array({ maxLength: 500 });
    fc.assert(
      fc.property(purposes, principals, bytes, (purpose, principal, content) => {
        const text = sealed(here, { purpose, principal }, content);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(other.open({ purpose, principal }, text)).toEqual({ outcome: "opened", payload: Buffer.from(content) });
      }),
      { seed },
    );
    expect(Buffer.from(sealed(here), "base64url").toString("latin1")).not.toContain("session must");
    expect(sealed(here)).not.toBe(sealed(here));
  });

  test("of the largest payload has the longest text; one byte more is not sealed", () => {
    const text = sealed(here, binding, randomBytes(payloadBytesMax));
    expect(text).toHaveLength(handleCharsMax);
    expect(here.open(binding, text).outcome).toBe("opened");
    const more = here.seal(binding, new Uint8Array(payloadBytesMax + 1), startMs);
    expect(more).toEqual({ outcome: "refused", reason: "payload-too-large" });
    expect(here.open(binding, `${text}AAAA`)).toEqual(refusal("malformed"));
  });

  test("for another purpose or principal, or past its time, does not open, and each is told apart for operators", () => {
    const by = proxy(shared);
    const text = sealed(by);
    expect(by.open({ ...binding, purpose: "cursor" }, text)).toEqual(refusal("other-purpose"));
    expect(by.open({ ...binding, principal: "key-2" }, text)).toEqual(refusal("other-principal"));
    by.world.nowMs += 59_999;
    expect(by.open(binding, text).outcome).toBe("opened");
    by.world.nowMs += 1;
    expect(by.open(binding, text)).toEqual(refusal("expired"));
    expect(by.world.refused).toEqual(["other-purpose", "other-principal", "expired"]);
  });

  test("that was changed in any one bit does not open", () => {
    const bytes = Buffer.from(sealed(here), "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { outcome } = here.open(binding, changed.toString("base64url"));
      expect(outcome, `bit ${bit}`).toBe("refused");
    }
  });

  test("has one text: padding, other alphabets, spaces and loose last bits are refused", () => {
    const text = sealed(here, binding, Buffer.from("12"));
    const last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const others = [...last].filter((char) => char !== text.at(-1)).map((char) => text.slice(0, -1) + char);
    for (const other of [`${text}=`, ` ${text}`, `${text}\n`, `${text}A`, text.slice(1), ...others])
      expect(here.open(binding, other).outcome).toBe("refused");
  });

  test("is nothing that an arbitrary text hits, and nothing is thrown", () => {
    const cut = fc.tuple(fc.nat(200), fc.nat(200)).map(([from, to]) => sealed(here).slice(from, to));
    const joined = fc.tuple(fc.nat(120), fc.nat(120)).map(([a, b]) => sealed(here).slice(0, a) + sealed(here).slice(b));
    const likely = fc.uint8Array({ minLength: 56, maxLength: 100 }).map((bytes) => {
      bytes.set([1, 1, 0, 0, 0, 1]);
      return Buffer.from(bytes).toString("base64url");
    });
    const whole = sealed(here).length;
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), likely, cut, joined), (text) => {
        fc.pre(text.length !== whole);
        expect(here.open(binding, text).outcome).toBe("refused");
      }),
      { seed, numRuns: 3_000 },
    );
  });
});

describe("rotation", () => {
  const one = key(1, startMs, startMs + 2 * dayMs);
  const two = key(2, startMs + dayMs);

  test("a handle outlives the rotation of its key by one more, and not longer, whatever was asked", () => {
    const by = proxy([one, two]);
    const made = by.seal(binding, payload, startMs + 30 * dayMs);
    expect(made).toMatchObject({ outcome: "sealed", expiresMs: one.acceptUntilMs });
    const text = made.outcome === "sealed" ? made.text : "";
    by.world.nowMs = startMs + 2 * dayMs - 1;
    expect(by.open(binding, text).outcome).toBe("opened");
    by.world.nowMs++;
    expect(by.open(binding, text)).toEqual(refusal("key-unknown"));
  });

  test("a proxy whose clock is ahead seals with the announced key, and one that is behind opens it", () => {
    const [ahead, behind] = [proxy([one, two]), proxy([one, two])];
    ahead.world.nowMs = startMs + dayMs;
    behind.world.nowMs = startMs + dayMs - 30_000;
    const text = sealed(ahead, binding, payload, startMs + 2 * dayMs);
    expect(Buffer.from(text, "base64url").readUInt32BE(2)).toBe(2);
    expect(behind.open(binding, text).outcome).toBe("opened");
  });

  test("a proxy that is cut off goes on with the newest key that it knows, and one without keys says so", () => {
    const by = proxy([one, two]);
    by.world.nowMs = startMs + 40 * dayMs;
    expect(by.open(binding, sealed(by, binding, payload, startMs + 41 * dayMs)).outcome).toBe("opened");
    const without = proxy([]);
    expect(without.keys.areKnown()).toBe(false);
    expect(without.seal(binding, payload, startMs)).toEqual({ outcome: "refused", reason: "no-key" });
    expect(without.open(binding, sealed(by))).toEqual(refusal("key-unknown"));
  });

  test("another fleet's key of the same number opens nothing", () => {
    expect(proxy([key(1)]).open(binding, sealed(proxy([one])))).toEqual(refusal("tampered"));
  });
});
