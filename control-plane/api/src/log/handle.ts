// From a command to the log: fold the stream, decide, hold the names, append; all of it in one transaction, and again from
// the fold when another writer was first. What was answered `accepted` is in the log; what was refused left nothing behind.
// It does not retry a broken connection: whether its commit arrived is then unknown, and only the caller can ask.

import type { Message } from "@bufbuild/protobuf";
import type { LoggedEvent } from "@tollgate/schema/events";
import { fold, type Decider, type NameRefusal, type Refusal } from "@tollgate/kernel/decider";
import { scopeOf } from "@tollgate/kernel/ids";
import type { Database, Sql } from "../database.ts";
import { lockToChange } from "../ledger/lent-lock.ts";
import { mustBeEnforceable } from "../sync/knowledge.ts";
import { append } from "./append.ts";
import { repeated } from "./attempts.ts";
import { keepAt, type AnswerBody, type KeptAnswer } from "./kept-answer.ts";
import { applyNames, nameRefusalIn, type NameClaim } from "./names.ts";
import { head, readStreams } from "./read.ts";
import { eventsFor, toLogged, type Meta } from "./record.ts";

export type { Meta } from "./record.ts";

export type Step<S, C, E extends Message, R extends Refusal> = {
  decider: Decider<S, C, E, R>;
  id: string;
  command: C;
};

/** Of which the command is made of what its own transaction reads, under locks of its own; it is made again with each attempt. */
export type PreparedStep<S, C, E extends Message, R extends Refusal> = {
  decider: Decider<S, C, E, R>;
  id: string;
  prepare: (sql: Sql) => Promise<C>;
};

/** A step of any decider. */
export type AnyStep = Step<unknown, unknown, Message, Refusal>;

/**
 * SQL of the same transaction, after the names and before the append, with the state that was decided (of `handleAll`, the
 * states of its steps). It runs again when the attempt does.
 */
export type Within<Decided = unknown> = (sql: Sql, decided: Decided) => Promise<void>;

export type Also<Decided> = {
  within?: Within<Decided> | undefined;
  /** What is answered to the accepted command, but for its position and for what is told once. A claim needs it. */
  answer?: ((decided: Decided) => AnswerBody) | undefined;
};

export type Handled<S, R> =
  { outcome: "accepted"; state: S; position: bigint } | { outcome: "refused"; refusal: R | NameRefusal };

export type HandledAll =
  | { outcome: "accepted"; states: unknown[]; position: bigint }
  | { outcome: "refused"; step: number; refusal: Refusal | NameRefusal };

/** More streams than this are not locked: each lock is an entry of PostgreSQL's one lock table. */
const queuedStreamsMax = 16;

export async function handle<S, C, E extends Message, R extends Refusal>(
  database: Database,
  step: Step<S, C, E, R>,
  meta: Meta,
  also: Also<S> = {},
): Promise<Handled<S, R>> {
  const { decider, id, command } = step;
  return handlePrepared(database, { decider, id, prepare: () => Promise.resolve(command) }, meta, also);
}

/** What is prepared is there also where it is refused, so preparing writes nothing that must not be there then: that is for `within`. */
export async function handlePrepared<S, C, E extends Message, R extends Refusal>(
  database: Database,
  { decider, id, prepare }: PreparedStep<S, C, E, R>,
  meta: Meta,
  also: Also<S> = {},
): Promise<Handled<S, R>> {
  const done = await commit<S, R>(database, [{ decider, id }], meta, also, async (work, sql) =>
    decideStep(work, { decider, id, command: await prepare(sql) }, 0),
  );
  return done.outcome === "accepted"
    ? { outcome: "accepted", state: done.value, position: done.position }
    : { outcome: "refused", refusal: done.refusal };
}

/** All steps in one transaction and one commit, or none. Each sees what those before it decided. */
export async function handleAll(
  database: Database,
  steps: readonly AnyStep[],
  meta: Meta,
  also: Also<unknown[]> = {},
): Promise<HandledAll> {
  const done = await commit<unknown[], Refusal>(database, steps, meta, also, (work) =>
    Promise.resolve(decideAll(work, steps)),
  );
  return done.outcome === "accepted"
    ? { outcome: "accepted", states: done.value, position: done.position }
    : { outcome: "refused", step: done.step, refusal: done.refusal };
}

function decideAll(work: Work, steps: readonly AnyStep[]): Decided<unknown[], Refusal> {
  const states: unknown[] = [];
  for (const [index, step] of steps.entries()) {
    const decided = decideStep(work, step, index);
    if (decided.outcome === "refused") return decided;
    states.push(decided.value);
  }
  return { outcome: "accepted", value: states };
}

/** What a transaction has read and decided so far. */
type Work = {
  meta: Meta;
  /** Each stream with what is stored of it and what this transaction will add. */
  streams: Map<string, LoggedEvent[]>;
  events: LoggedEvent[];
  claims: NameClaim[];
};

type Refused<R> = { outcome: "refused"; step: number; refusal: R };
type Decided<T, R> = { outcome: "accepted"; value: T } | Refused<R>;
type Committed<T, R> = { outcome: "accepted"; value: T; position: bigint } | Refused<R | NameRefusal>;

function decideStep<S, C, E extends Message, R extends Refusal>(
  work: Work,
  { decider, id, command }: Step<S, C, E, R>,
  step: number,
): Decided<S, R> {
  const stream = scopeOf(decider.stream, id);
  const logged = work.streams.get(stream);
  if (!logged) throw new Error(`${stream} was not read`);
  const before = fold(decider, eventsFor<E>(decider.stream, logged));
  const decision = decider.decide(command, before);
  if (decision.outcome === "refused") return { outcome: "refused", step, refusal: decision.refusal };
  let state = before;
  for (const event of decision.events) {
    state = decider.evolve(state, event);
    const next = toLogged({ stream, version: logged.length + 1, event }, work.meta);
    logged.push(next);
    work.events.push(next);
  }
  work.claims.push({ step, kind: decider.stream, stream, rules: decision });
  return { outcome: "accepted", value: state };
}

async function commit<T, R>(
  database: Database,
  steps: readonly { decider: { stream: string }; id: string }[],
  meta: Meta,
  { within, answer }: Also<T>,
  decide: (work: Work, sql: Sql) => Promise<Decided<T, R>>,
): Promise<Committed<T, R>> {
  const streams = steps.map(({ decider, id }) => scopeOf(decider.stream, id));
  const attempt = (attempts: number): Promise<Committed<T, R>> =>
    database.transaction(async (sql) => {
      if (attempts > 1) await queueFor(sql, streams);
      await lockToChange(sql, streams);
      const work: Work = { meta, streams: await readStreams(sql, streams), events: [], claims: [] };
      const decided = await decide(work, sql);
      if (decided.outcome === "refused") return decided;
      await applyNames(sql, work.claims);
      await within?.(sql, decided.value);
      const kept = keptOf(meta, answer, decided.value);
      return { outcome: "accepted", value: decided.value, position: await write(sql, work, kept) };
    });
  try {
    return await repeated(attempt);
  } catch (error) {
    const refusedByName = nameRefusalIn(error);
    if (refusedByName) return { outcome: "refused", ...refusedByName };
    throw error;
  }
}

function keptOf<T>({ claim }: Meta, answer: Also<T>["answer"], decided: T): KeptAnswer | undefined {
  if (!claim) return undefined;
  if (!answer) throw new Error("a command came with a claim, and nothing says what its answer is");
  return { claim, body: answer(decided) };
}

async function write(sql: Sql, { events, meta }: Work, kept: KeptAnswer | undefined): Promise<bigint> {
  if (events.length > 0) {
    if (meta.isForced !== true) await mustBeEnforceable(sql, events);
    return append(sql, events, kept);
  }
  const { position } = await head(sql);
  if (kept) await keepAt(sql, position, kept);
  return position;
}

/** Who lost once waits for its turn: writers of a hot stream would otherwise lose against each other until they give up. */
async function queueFor(sql: Sql, streams: readonly string[]): Promise<void> {
  if (streams.length > queuedStreamsMax) return;
  for (const stream of [...new Set(streams)].sort())
    await sql.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", [stream]);
}
