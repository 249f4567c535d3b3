// One command to a server together with the secrets of its headers and environment, in one commit: what was looked up for it
// is looked up again when somebody else was first. The server's own decision is the answer; that of a secret is never seen.
// A program on the proxies is only made or changed by whoever may.

import { isMessage } from "@bufbuild/protobuf";
import type { NameRefusal, Refusal } from "@tollgate/kernel/decider";
import { TollgateError } from "@tollgate/kernel/errors";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { ServerSchema, type Server } from "@tollgate/schema/resources";
import { contentPermissions } from "../access/permissions.ts";
import { handleAll, type AnyStep, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { isByNames, untilNamesHold } from "../log/named.ts";
import type { Plane } from "../plane.ts";
import type { AnyRefusal } from "../refusals.ts";
import { eraseSteps, secretRows, storeSteps } from "../secrets/secret-changes.ts";
import { readSecretDirectory } from "../secrets/secret-directory.ts";
import { namedSecrets, planCredentials, type CredentialReferences, type WantedCredentials } from "./server-secrets.ts";
import { isProgram } from "./server-problems.ts";
import { serverDecider, type ServerCommand } from "./server.decider.ts";

export type ServerDone =
  { outcome: "accepted"; server: Server | undefined; position: bigint } | { outcome: "refused"; refusal: AnyRefusal };

export type ServerWish = {
  name: string;
  credentials: WantedCredentials;
  command: (references: CredentialReferences) => ServerCommand;
  /** What goes with it into the commit, after it. */
  alongside?: () => Promise<AnyStep[]>;
  /** But for its position. */
  answer: (server: Server | undefined) => AnswerBody;
};

export function commandServer(plane: Plane, meta: Meta, wish: ServerWish): Promise<ServerDone> {
  const { name, credentials, command, alongside, answer } = wish;
  const { database, secretStore, randomBytes } = plane;
  return untilNamesHold(
    async (): Promise<ServerDone & { bySecret?: boolean }> => {
      const names = namedSecrets(credentials);
      const directory = await readSecretDirectory(database.sql, secretStore, { names, ofServers: [name] });
      const planned = planCredentials(name, credentials, directory, () => idFromBytes(randomBytes(idBytes)));
      if (planned.outcome === "refused") return planned;
      const { changes, references } = planned;
      const own = command(references);
      const rows = secretRows(secretStore, changes);
      const before = storeSteps(changes);
      const steps = [
        ...before,
        { decider: serverDecider, id: own.id, command: own },
        ...((await alongside?.()) ?? []),
        ...eraseSteps(changes),
      ];
      const serverIn = (states: readonly unknown[]): Server | undefined => {
        const state = states[before.length];
        return isMessage(state, ServerSchema) ? state : undefined;
      };
      const done = await handleAll(database, steps, meta, {
        async within(sql, states) {
          demandPrograms(meta, states);
          await rows(sql, states);
        },
        answer: (states) => answer(serverIn(states)),
      });
      if (done.outcome === "refused") {
        return { outcome: "refused", refusal: known(done.refusal), bySecret: done.step !== before.length };
      }
      return { outcome: "accepted", server: serverIn(done.states), position: done.position };
    },
    (refused) => refused.bySecret === true && isByNames(refused),
  );
}

/** Of a commit's states: whatever made a server a program, or leaves it one, it is asked here. */
export function demandPrograms({ mayRunPrograms }: Meta, states: readonly unknown[]): void {
  if (mayRunPrograms === true || !states.some((state) => isMessage(state, ServerSchema) && isProgram(state))) return;
  throw new TollgateError("auth.permission-denied", `A server over stdio needs ${contentPermissions.runPrograms}.`);
}

/** The refusals of the two deciders whose steps are above; the list of steps does not say so to the compiler. */
function known(refusal: Refusal | NameRefusal): AnyRefusal {
  return refusal as AnyRefusal;
}
