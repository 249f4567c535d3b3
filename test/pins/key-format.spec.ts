// Keys are in people's settings and in secret scanners' rules: their text must be the same for ever.

import { sha256Of } from "@tollgate/api/keys/key-text";
import { formatKey, parseKey, type KeyKind } from "@tollgate/kernel/key-format";
import { expect, test } from "vitest";

const counting = Uint8Array.from({ length: 32 }, (_, i) => i);
const pins: [KeyKind, string, Uint8Array, string][] = [
  ["key", "0123456789abcdef", counting, "tg_key_0123456789abcdef_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2XHbcW"],
  ["svc", "0123456789abcdef", counting, "tg_svc_0123456789abcdef_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4QBuht"],
  ["adm", "0123456789abcdef", counting, "tg_adm_0123456789abcdef_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3GMyV3"],
  [
    "key",
    "0000000000000000",
    new Uint8Array(32),
    "tg_key_0000000000000000_00000000000000000000000000000000000000000001DrFhC",
  ],
  [
    "key",
    "zzzzzzzzzzzzzzzz",
    new Uint8Array(32).fill(255),
    "tg_key_zzzzzzzzzzzzzzzz_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13GTRa4",
  ],
];

test.each(pins)("%s/%s is written and read as it was pinned", (kind, id, secret, text) => {
  const changed = "keys that people hold would no longer be taken: the format never changes, a new one gets a new kind";
  expect(formatKey(kind, id, secret), changed).toBe(text);
  expect(parseKey(text), changed).toEqual({ kind, id, text });
});

test("what is stored of a key is the SHA-256 of its whole text", () => {
  const text = "tg_key_0123456789abcdef_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2XHbcW";
  expect(Buffer.from(sha256Of(text)).toString("hex")).toBe(
    "06472bea24df3819cfcfb87416f68181fd501118956745a7573d84f790ac4b4b",
  );
});
