// One command to a server together with the secrets of its headers, in one commit: what was looked up for it is looked up
// again when somebody else was first. The server's own decision is the answer; that of a secret is never seen.

import { isMessage } from "@bufbuild/protobuf";
import type { NameRefusal, Refusal } from "@tollgate/kernel/decider";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { ServerSchema, type Server } from "@tollgate/schema/resources";
import { handleAll, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { isByNames, untilNamesHold } from "../log/named.ts";
import type { Plane } from "../plane.ts";
import type { AnyRefusal } from "../refusals.ts";
import { eraseSteps, secretRows, storeSteps, type SecretChanges } from "../secrets/secret-changes.ts";
import { readSecretDirectory } from "../secrets/secret-directory.ts";
import { planHeaders, type WantedHeader } from "./header-secrets.ts";
import { serverDecider, type HeaderReference, type ServerCommand } from "./server.decider.ts";

export type ServerDone =
  { outcome: "accepted"; server: Server | undefined; position: bigint } | { outcome: "refused"; refusal: AnyRefusal };

export type ServerWish = {
  name: string;
  /** Undefined: the headers stay. */
  headers: readonly WantedHeader[] | undefined;
  command: (headers: HeaderReference[] | undefined) => ServerCommand;
  /** But for its position. */
  answer: (server: Server | undefined) => AnswerBody;
};

const unchanged: SecretChanges = { stores: [], erasures: [] };

export function commandServer(plane: Plane, meta: Meta, wish: ServerWish): Promise<ServerDone> {
  const { name, headers, command, answer } = wish;
  const { database, secretStore, randomBytes } = plane;
  return untilNamesHold(
    async (): Promise<ServerDone & { bySecret?: boolean }> => {
      const names = (headers ?? []).flatMap(({ source }) => ("secretName" in source ? [source.secretName] : []));
      const directory = await readSecretDirectory(database.sql, secretStore, { names, ofServers: [name] });
      const planned = headers && planHeaders(name, headers, directory, () => idFromBytes(randomBytes(idBytes)));
      if (planned?.outcome === "refused") return planned;
      const changes = planned?.changes ?? unchanged;
      const own = command(planned?.headers);
      const before = storeSteps(changes);
      const steps = [...before, { decider: serverDecider, id: own.id, command: own }, ...eraseSteps(changes)];
      const serverIn = (states: readonly unknown[]): Server | undefined => {
        const state = states[before.length];
        return isMessage(state, ServerSchema) ? state : undefined;
      };
      const done = await handleAll(database, steps, meta, {
        within: secretRows(secretStore, changes),
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

/** The refusals of the two deciders whose steps are above; the list of steps does not say so to the compiler. */
function known(refusal: Refusal | NameRefusal): AnyRefusal {
  return refusal as AnyRefusal;
}
