// The join token of a control plane that is started together with its proxies and without an operator: written once to a
// file that the proxies read, for as many of them as there are to be. It is issued again only where the file holds none of
// this control plane's, so that a restart lets nobody else in.

import { readFile } from "node:fs/promises";
import { parseJoinToken } from "@tollgate/kernel/enrolment";
import { writeSecretFile } from "../bootstrap.ts";
import { joinTokenDecider } from "../join-tokens/join-token.decider.ts";
import { newJoinToken } from "../join-tokens/join-token-text.ts";
import { foldStream } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import type { Plane } from "../plane.ts";
import { sentenceOf } from "../refusals.ts";

const actor = "system/bootstrap";

export function ensureJoinTokenFile(plane: Plane, { file, usesMax }: { file: string; usesMax: number }): Promise<void> {
  return plane.database.exclusive("bootstrap", async () => {
    if (await isOurs(plane, file)) return;
    const { id, text, sha256 } = newJoinToken(plane);
    // Before it is committed: a crash in between leaves a useless file, and never a token that nobody holds.
    await writeSecretFile(file, text);
    const timeMs = plane.nowMs();
    for (const name of ["first", `first-${id}`]) {
      const about = { id, name, sha256, usesMax, environment: "", expiresAtMs: undefined, timeMs };
      const step = { decider: joinTokenDecider, id, command: { kind: "issue", ...about } } as const;
      const done = await handle(plane.database, step, { actor, timeMs });
      if (done.outcome === "accepted") return;
      if (done.refusal.kind !== "name-taken") throw new Error(`the first join token: ${sentenceOf(done.refusal)}`);
    }
  });
}

/** Also where it is spent or revoked: another is an operator's to issue. */
async function isOurs({ database, authority }: Plane, file: string): Promise<boolean> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const token = parseJoinToken(text.trim());
  if (token?.pin !== authority.pin) return false;
  return (await foldStream(database.sql, joinTokenDecider, token.key.id)) !== undefined;
}
