// Making credentials: the text that is told once, and the hash that is all we keep of it.

import { createHash } from "node:crypto";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { formatKey, secretBytes, type KeyKind } from "@tollgate/kernel/key-format";
import { KeyPurpose } from "@tollgate/schema/resources";

export type NewKeyText = { id: string; text: string; sha256: Uint8Array };

type Random = (count: number) => Uint8Array;

export function newKeyText(randomBytes: Random, kind: KeyKind, id = idFromBytes(randomBytes(idBytes))): NewKeyText {
  const text = formatKey(kind, id, randomBytes(secretBytes));
  return { id, text, sha256: sha256Of(text) };
}

export function sha256Of(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

export function kindOf(purpose: KeyPurpose): KeyKind {
  return purpose === KeyPurpose.SERVICE ? "svc" : "key";
}
