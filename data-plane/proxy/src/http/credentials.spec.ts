// One credential or none: whoever could send two would decide which of them the log blames.

import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Socket } from "node:net";
import { formatKey } from "@tollgate/kernel/key-format";
import { idFromBytes } from "@tollgate/kernel/ids";
import { expect, test } from "vitest";
import { credentialIn } from "./credentials.ts";

const newKey = () => formatKey("key", idFromBytes(randomBytes(10)), randomBytes(32));
const [a, b] = [newKey(), newKey()];
const said = (headers: IncomingHttpHeaders, socket = new Socket()) => credentialIn({ headers, socket });

test("the same key in several headers is one credential", () => {
  const headers = { authorization: `bearer  ${a}`, "x-api-key": a, "x-tollgate-key": a };
  expect(said(headers)).toMatchObject({ key: { text: a } });
});

test("two different, or one sent twice in a way that hides one, are a conflict", () => {
  expect(said({ authorization: `Bearer ${a}`, "x-api-key": b })).toBe("auth.keys-conflict");
  expect(said({ authorization: `Bearer ${a}`, "x-api-key": "sk-other" })).toBe("auth.keys-conflict");
  expect(said({ authorization: `Bearer ${a}, Bearer ${b}` })).toBe("auth.keys-conflict");
});

test("nothing and nonsense are told apart; every single changed character is nonsense", () => {
  expect(said({ cookie: a })).toBe("auth.key-missing");
  expect(said({ authorization: "Bearer " })).toBe("auth.key-malformed");
  for (let i = 0; i < a.length; i++)
    expect(said({ "x-api-key": a.slice(0, i) + (a[i] === "x" ? "y" : "x") + a.slice(i + 1) })).toBe(
      "auth.key-malformed",
    );
});

test("what a connection said before does not matter to what it says now", () => {
  const socket = new Socket();
  const first = said({ "x-api-key": a }, socket);
  expect(said({ authorization: `Bearer ${a}` }, socket)).toEqual(first);
  expect(said({ "x-api-key": b }, socket)).toEqual(said({ "x-api-key": b }));
  expect(said({}, socket)).toBe("auth.key-missing");
  expect(said({ "x-api-key": `${b}x` }, socket)).toBe("auth.key-malformed");
  expect(said({ "x-api-key": b, "x-tollgate-key": a }, socket)).toBe("auth.keys-conflict");
});
