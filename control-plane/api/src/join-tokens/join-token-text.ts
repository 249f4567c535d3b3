// Making join tokens: the text that is told once, and the hash of its key that is all we keep of it. The pin is no secret.

import { formatJoinToken, parseJoinToken } from "@tollgate/kernel/enrolment";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { secretBytes } from "@tollgate/kernel/key-format";
import { sha256Of, type NewKeyText } from "../keys/key-text.ts";
import type { Plane } from "../plane.ts";

export function newJoinToken({ randomBytes, authority }: Pick<Plane, "randomBytes" | "authority">): NewKeyText {
  const id = idFromBytes(randomBytes(idBytes));
  const text = formatJoinToken(id, randomBytes(secretBytes), authority.pin);
  const parsed = parseJoinToken(text);
  if (!parsed) throw new Error("a join token that was just made is none");
  return { id, text, sha256: sha256Of(parsed.key.text) };
}
