// One command to a resource together with the secrets that are its own, in one commit: what was looked up for it is looked up
// again when somebody else was first. The resource's own decision is the answer; that of a secret is never seen.

import { isMessage, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { NameRefusal, Refusal } from "@tollgate/kernel/decider";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { handleAll, type AnyStep, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { isByNames, untilNamesHold } from "../log/named.ts";
import type { Plane } from "../plane.ts";
import type { AnyRefusal } from "../refusals.ts";
import type { RefusedReference } from "./own-secrets.ts";
import { eraseSteps, secretRows, storeSteps, type SecretChanges } from "./secret-changes.ts";
import { readSecretDirectory, type SecretDirectory } from "./secret-directory.ts";

export type OwnerDone<Owner> =
  { outcome: "accepted"; state: Owner | undefined; position: bigint } | { outcome: "refused"; refusal: AnyRefusal };

export type PlannedCommand = { outcome: "planned"; command: AnyStep; changes: SecretChanges } | RefusedReference;

export type OwnerWish<Owner extends Message> = {
  /** Of the state that the command leaves. */
  desc: GenMessage<Owner>;
  /** "server/docs" */
  owner: string;
  /** Of the stored secrets that it names. */
  names: readonly string[];
  plan: (directory: SecretDirectory, newId: () => string) => PlannedCommand | Promise<PlannedCommand>;
  /** What goes with it into the commit, after it. */
  alongside?: (() => Promise<AnyStep[]>) | undefined;
  /** May still throw when all is decided. */
  demand?: (states: readonly unknown[]) => void;
  /** But for its position. */
  answer: (state: Owner | undefined) => AnswerBody;
};

export function commandOwner<Owner extends Message>(
  plane: Plane,
  meta: Meta,
  wish: OwnerWish<Owner>,
): Promise<OwnerDone<Owner>> {
  const { desc, owner, names, plan, alongside, demand, answer } = wish;
  const { database, secretStore, randomBytes } = plane;
  return untilNamesHold(
    async (): Promise<OwnerDone<Owner> & { isOvertaken?: boolean }> => {
      const directory = await readSecretDirectory(database.sql, secretStore, { names, ofOwners: [owner] });
      const planned = await plan(directory, () => idFromBytes(randomBytes(idBytes)));
      if (planned.outcome === "refused") return planned;
      const { command, changes } = planned;
      const rows = secretRows(secretStore, changes);
      const before = storeSteps(changes);
      const steps = [...before, command, ...((await alongside?.()) ?? []), ...eraseSteps(changes)];
      const ownerIn = (states: readonly unknown[]): Owner | undefined => {
        const state = states[before.length];
        return isMessage(state, desc) ? state : undefined;
      };
      const done = await handleAll(database, steps, meta, {
        async within(sql, states) {
          demand?.(states);
          await rows(sql, states);
        },
        answer: (states) => answer(ownerIn(states)),
      });
      if (done.outcome === "refused") {
        // A secret that it refers to was there a moment ago.
        const isOfSecrets = done.step !== before.length || done.refusal.kind === "reference-missing";
        return { outcome: "refused", refusal: known(done.refusal), isOvertaken: isOfSecrets && isByNames(done) };
      }
      return { outcome: "accepted", state: ownerIn(done.states), position: done.position };
    },
    ({ isOvertaken }) => isOvertaken === true,
  );
}

/** The refusals of the deciders whose steps are above; the list of steps does not say so to the compiler. */
function known(refusal: Refusal | NameRefusal): AnyRefusal {
  return refusal as AnyRefusal;
}
