// One credential or none: whoever could send two would decide which of them the log blames.

import { randomBytes } from "node:crypto";
import { formatKey } from "@tollgate/kernel/key-format";
import { idFromBytes } from "@tollgate/kernel/ids";
import { expect, test } from "vitest";
import { credentialIn } from "./credentials.ts";

const newKey = () => formatKey("key", idFromBytes(randomBytes(10)), randomBytes(32));
const [a, b] = [newKey(), newKey()];

test("the same key in several headers is one credential", () => {
  const headers = { authorization: `bearer  ${a}`, "x-api-key": a, "x-tollgate-key": a };
  expect(credentialIn(headers)).toMatchObject({ key: { text: a } });
});

test("two different, or one sent twice in a way that hides one, are a conflict", () => {
  expect(credentialIn({ authorization: `Bearer ${a}`, "x-api-key": b })).toBe("auth.keys-conflict");
  expect(credentialIn({ authorization: `Bearer ${a}`, "x-api-key": "sk-other" })).toBe("auth.keys-conflict");
  expect(credentialIn({ authorization: `Bearer ${a}, Bearer ${b}` })).toBe("auth.keys-conflict");
});

test("nothing and nonsense are told apart; every single changed character is nonsense", () => {
  expect(credentialIn({ cookie: a })).toBe("auth.key-missing");
  expect(credentialIn({ authorization: "Bearer " })).toBe("auth.key-malformed");
  for (let i = 0; i < a.length; i++)
    expect(credentialIn({ "x-api-key": a.slice(0, i) + (a[i] === "x" ? "y" : "x") + a.slice(i + 1) })).toBe(
      "auth.key-malformed",
    );
});
