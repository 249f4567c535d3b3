// The state of one stream outside of a transaction that changes it: for reading what no projection must lag behind of, and
// for preparing a command. What is decided by it is decided again by `handle`.

import type { Message } from "@bufbuild/protobuf";
import { fold, type Decider, type Refusal } from "@tollgate/kernel/decider";
import { scopeOf } from "@tollgate/kernel/ids";
import type { Sql } from "../database.ts";
import { readStreams } from "./read.ts";
import { eventsFor } from "./record.ts";

export async function foldStream<S, C, E extends Message, R extends Refusal>(
  sql: Sql,
  decider: Decider<S, C, E, R>,
  id: string,
): Promise<S> {
  const stream = scopeOf(decider.stream, id);
  const logged = (await readStreams(sql, [stream])).get(stream) ?? [];
  return fold(decider, eventsFor<E>(decider.stream, logged));
}

/** The state after an accepted command of a decider whose streams begin as undefined. */
export function existing<S>(state: S | undefined): S {
  if (state === undefined) throw new Error("an accepted command left its stream empty");
  return state;
}
