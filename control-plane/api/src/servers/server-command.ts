// One command to a server together with the secrets of its headers and environment, in one commit. A program on the proxies is
// only made or changed by whoever may.

import { isMessage } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { ServerSchema, type Server } from "@tollgate/schema/resources";
import { contentPermissions } from "../access/permissions.ts";
import type { AnyStep, Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import type { Plane } from "../plane.ts";
import { commandOwner, type OwnerDone } from "../secrets/owner-command.ts";
import { secretsOwner } from "../secrets/secret.decider.ts";
import { namedSecrets, planCredentials, type CredentialReferences, type WantedCredentials } from "./server-secrets.ts";
import { isProgram } from "./server-problems.ts";
import { serverDecider, type ServerCommand } from "./server.decider.ts";

export type ServerWish = {
  name: string;
  credentials: WantedCredentials;
  command: (references: CredentialReferences) => ServerCommand;
  /** What goes with it into the commit, after it. */
  alongside?: () => Promise<AnyStep[]>;
  /** But for its position. */
  answer: (server: Server | undefined) => AnswerBody;
};

export function commandServer(plane: Plane, meta: Meta, wish: ServerWish): Promise<OwnerDone<Server>> {
  const { name, credentials, alongside, answer } = wish;
  return commandOwner(plane, meta, {
    ...{ desc: ServerSchema, owner: secretsOwner("server", name), names: namedSecrets(credentials), alongside, answer },
    plan(directory, newId) {
      const planned = planCredentials(name, credentials, directory, newId);
      if (planned.outcome === "refused") return planned;
      const command = wish.command(planned.references);
      const step = { decider: serverDecider, id: command.id, command };
      return { outcome: "planned", command: step, changes: planned.changes };
    },
    demand: (states) => demandPrograms(meta, states),
  });
}

/** Of a commit's states: whatever made a server a program, or leaves it one, it is asked here. */
export function demandPrograms({ mayRunPrograms }: Meta, states: readonly unknown[]): void {
  if (mayRunPrograms === true || !states.some((state) => isMessage(state, ServerSchema) && isProgram(state))) return;
  throw new TollgateError("auth.permission-denied", `A server over stdio needs ${contentPermissions.runPrograms}.`);
}
