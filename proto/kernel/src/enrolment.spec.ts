// A join token is handed from person to machine as one string: what was cut off or mixed up must be refused before
// anything is dialled, and the pin must not get lost on the way.

import { expect, test } from "vitest";
import { formatJoinToken, parseJoinToken, proxyName } from "./enrolment.ts";
import { formatKey } from "./key-format.ts";

const id = "0123456789abcdef";
const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
const pin = "A".repeat(42) + "_";

test("is read back as what it was made of", () => {
  const text = formatJoinToken(id, secret, pin);
  const key = formatKey("join", id, secret);
  expect(text).toBe(`${key}.${pin}`);
  expect(parseJoinToken(text)).toEqual({ key: { kind: "join", id, text: key }, pin });
});

test("without its pin, with another kind of key or with anything around it, it is none", () => {
  const text = formatJoinToken(id, secret, pin);
  const others = [formatKey("join", id, secret), `${formatKey("adm", id, secret)}.${pin}`, ` ${text}`, `${text}.`];
  for (const other of [...others, text.slice(0, -1), text.slice(1), `${text}x`, ""])
    expect(parseJoinToken(other), other).toBeUndefined();
  expect(() => formatJoinToken(id, secret, "short")).toThrow("SHA-256");
});

test("a proxy is looked for under the name that every version of the authority has certified", () => {
  expect(proxyName(id)).toBe("0123456789abcdef.proxy.tollgate.internal");
});
