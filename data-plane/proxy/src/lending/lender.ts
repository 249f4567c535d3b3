// Between the workers' desks and the ledger, in the primary: what the workers have to say goes out together, one exchange at a
// time, and each is told what was answered to him. It also stands in for workers that are gone: what their leases stood at is on
// disk, and where that is all that they served, their leases are closed by it; after a restore all of them are said once more.
// What is more than the ledger takes at once goes out in several requests; the workers hear of none before all are answered.
// That the proxy has restated everything it says only when it could speak for each of its workers. Of a directory that came here
// from another machine, or as a copy, it says nothing: whoever had it may still spend.

import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { tellFormers, type Former } from "@tollgate/kernel/lending/former";
import { ExchangeRequestSchema, LeaseStatementSchema, type ExchangeReply, type Ledger } from "@tollgate/schema/ledger";
import { forgottenMs, isEnded, keepEnded, readEnded } from "../facts/ended-leases.ts";
import { listEpochs } from "../facts/spool-file.ts";
import { bootOf, lastTotals } from "../facts/totals.ts";
import type { ServiceClient } from "../grpc.ts";
import type { LendingAnswers, LendingBatch } from "./desk.ts";
import { grpcCodeOf, OncePerProblem, problemOf, type LendingProblem } from "./problems.ts";
import { answerFromMessage, type WireStatement } from "./wire.ts";

export type LenderParts = {
  readonly ledger: ServiceClient<typeof Ledger>;
  /** This one, of the proxy. */
  readonly boot: string;
  readonly spoolDirectory: string;
  /** Those that a worker of this boot writes in. */
  readonly liveEpochs: () => ReadonlySet<bigint>;
  /** The first of the epochs that this boot may speak for; see `succession.ts`. */
  readonly standsInFrom: bigint;
  readonly answer: (epoch: bigint, answers: LendingAnswers) => void;
  /** Of each kind once, until it works again. */
  readonly onProblem: (kind: LendingProblem, error: unknown) => void;
  /** Once in an incarnation: the ledger waits for what nobody here can say. */
  readonly onUntold: () => void;
};

export type Lender = {
  say(epoch: bigint, batch: LendingBatch): void;
  /** A worker is gone, or the control plane is there again: looks for what is still lent to who is not. */
  look(): void;
  /** Whether an epoch's last totals have yet to be told. */
  isHeld(epoch: bigint): boolean;
  /** Says a last time what the workers that are gone have left. */
  leave(): Promise<void>;
  close(): void;
};

const lookAgainMs = 1_000;
/** Of a request. Half of what the ledger takes, and at the longest half a mebibyte, of which it takes two. */
const statementsMax = 1_000;

export function createLender(parts: LenderParts): Lender {
  const { ledger, spoolDirectory } = parts;
  const waiting = new Map<bigint, LendingBatch>();
  /** Of the epochs that have ever said anything, in which incarnation the ledger has heard everything of them. */
  const complete = new Map<bigint, bigint>();
  /** Of these it was said what they were lent, as far as it can be. One that has begun and ended since is not among them. */
  let told: ReadonlySet<bigint> = new Set();
  let incarnation = 0n;
  /** In which incarnation all of the former epochs were told, and in which it was said that nothing is left to say. */
  let formersToldIn: bigint | undefined;
  let saidCompleteIn: bigint | undefined;
  let untoldIn: bigint | undefined;
  let isFrozen = false;
  let isUnderWay = false;
  let isFailing = false;
  const problems = new OncePerProblem(parts.onProblem);
  let isClosed = false;
  let looking: Promise<void> | undefined;
  let isAskedToLook = false;
  let again: NodeJS.Timeout | undefined;

  async function exchange(): Promise<void> {
    if (isUnderWay || isClosed || (waiting.size === 0 && !isCompleteUnsaid())) return;
    isUnderWay = true;
    const batches = [...waiting];
    waiting.clear();
    try {
      const replies = await sayAll(batches);
      isFailing = false;
      problems.over("unreached");
      for (const [epoch, batch] of batches) if (batch.isComplete) complete.set(epoch, batch.incarnation);
      const newest = replies.reduce((most, reply) => (reply.incarnation > most ? reply.incarnation : most), 0n);
      if (rise(newest)) look();
      // What was lent before a restore is not in the ledger any more: to that there is no answer.
      const answers = replies
        .filter((reply) => reply.incarnation === newest)
        .flatMap((reply) => reply.answers.map((answer) => answerFromMessage(answer, reply.isFrozen)));
      for (const [epoch, { batch }] of batches)
        parts.answer(epoch, {
          ...{ batch, incarnation: newest },
          answers: answers.filter((answer) => answer.epoch === epoch),
        });
    } catch (error) {
      problems.tell(error);
      isFailing = true;
      for (const [epoch, { batch }] of batches) parts.answer(epoch, { batch, incarnation, answers: undefined });
      if (batches.length === 0) lookLater();
    } finally {
      isUnderWay = false;
    }
    if (!isFailing || waiting.size > 0) void exchange();
  }

  /**
   * In as many requests as it takes. If one of them fails nobody hears of those before it: what was said is said again, and
   * changes nothing then, and a draw is answered as it was.
   */
  async function sayAll(batches: readonly (readonly [bigint, LendingBatch])[]): Promise<readonly ExchangeReply[]> {
    const said = batches.flatMap(([, { statements }]) => statements);
    const heardIn = incarnation;
    const replies: ExchangeReply[] = [];
    for (let from = 0; from === 0 || from < said.length; from += statementsMax) {
      const isLast = from + statementsMax >= said.length;
      const isOneTime = heardIn === incarnation && replies.every((reply) => reply.incarnation === heardIn);
      const isComplete = isLast && isOneTime && isCompleteWith(batches);
      const reply = await ledger.exchange(request(said.slice(from, from + statementsMax), heardIn, isComplete));
      if (isComplete) saidCompleteIn = heardIn;
      ({ isFrozen } = reply);
      replies.push(reply);
    }
    return replies;
  }

  function request(statements: readonly WireStatement[], heardIn: bigint, isComplete: boolean) {
    return create(ExchangeRequestSchema, {
      incarnation: heardIn,
      isComplete,
      statements: statements.map((statement) => create(LeaseStatementSchema, statement)),
    });
  }

  /** Whether everything is said with these. Who has never said anything was never lent anything. */
  function isCompleteWith(batches: readonly (readonly [bigint, LendingBatch])[]): boolean {
    if (formersToldIn !== incarnation) return false;
    const now = new Set(
      batches.filter(([, batch]) => batch.isComplete && batch.incarnation === incarnation).map(([epoch]) => epoch),
    );
    return [...parts.liveEpochs()].every(
      (epoch) => now.has(epoch) || !complete.has(epoch) || complete.get(epoch) === incarnation,
    );
  }

  function isCompleteUnsaid(): boolean {
    return isFrozen && saidCompleteIn !== incarnation && isCompleteWith([]);
  }

  /** Also who has nothing to ask for now has to say again what it was lent. */
  function rise(to: bigint): boolean {
    if (to <= incarnation) return false;
    incarnation = to;
    for (const epoch of complete.keys()) parts.answer(epoch, { batch: 0, incarnation, answers: [] });
    return true;
  }

  function look(): void {
    void lookAround();
  }

  function lookAround(): Promise<void> {
    clearTimeout(again);
    // Who is gone since has yet to be told of.
    formersToldIn = undefined;
    isAskedToLook = true;
    looking ??= (async () => {
      while (isAskedToLook && !isClosed) {
        isAskedToLook = false;
        await lookOnce();
      }
    })().finally(() => (looking = undefined));
    return looking;
  }

  async function lookOnce(): Promise<void> {
    const live = new Set(parts.liveEpochs());
    try {
      await tellAll(live);
      problems.over("own");
      void exchange();
    } catch (error) {
      // Nobody waits for it; a line that is down is told of by those who do.
      if (problemOf(error) !== "unreached") problems.tell(error);
      // A control plane from before the ledger has lent nothing that could be told.
      if (grpcCodeOf(error) === status.UNIMPLEMENTED) told = new Set(formerEpochs(live));
      lookLater();
    }
  }

  function lookLater(): void {
    clearTimeout(again);
    if (isClosed) return;
    again = setTimeout(look, lookAgainMs);
    again.unref();
  }

  async function tellAll(live: ReadonlySet<bigint>): Promise<void> {
    const held = await ledger.held({});
    const bootIn = (epoch: bigint) => (live.has(epoch) ? parts.boot : bootOf(spoolDirectory, epoch));
    const lent = held.leases
      .map((lease) => ({ ...lease, boot: isSame(lease.boot, bootIn(lease.epoch)) ? lease.epoch : ofAnother }))
      .filter(({ boot }) => !live.has(boot));
    const mustReadAll = held.isFrozen ? undefined : new Set(lent.map(({ epoch }) => epoch));
    const formers = formerEpochs(live).map((epoch) => formerOf(epoch, mustReadAll?.has(epoch) ?? true));
    const known = {
      ...{ isFrozen: held.isFrozen, held: lent },
      knownUntilMs: held.knownUntilMs === undefined ? undefined : Number(held.knownUntilMs),
    };
    const { said, isAll, whole } = tellFormers(formers, known, forgottenMs(spoolDirectory));
    const statements = said.map(({ boot: epoch, lease, subject, account, settled, open }): WireStatement => {
      const said = { epoch, lease, subject, account, revision: 0n, settled, open };
      return { ...said, isOfFormer: true, boot: bootIn(epoch) };
    });
    for (let from = 0; from < statements.length; from += statementsMax)
      await ledger.exchange(request(statements.slice(from, from + statementsMax), incarnation, false));
    for (const { boot } of formers)
      if (whole.has(boot) && !isEnded(spoolDirectory, boot))
        keepEnded(
          spoolDirectory,
          boot,
          said.filter((one) => one.boot === boot),
        );
    told = new Set(formers.map(({ boot }) => boot));
    const liveNow = parts.liveEpochs();
    for (const epoch of complete.keys()) if (!liveNow.has(epoch)) complete.delete(epoch);
    ({ isFrozen } = held);
    rise(held.incarnation);
    if (isFrozen && isAll && !isAskedToLook) formersToldIn = held.incarnation;
    if (isFrozen && !isAll && untoldIn !== held.incarnation) {
      untoldIn = held.incarnation;
      parts.onUntold();
    }
  }

  function formerEpochs(live: ReadonlySet<bigint>): bigint[] {
    return listEpochs(spoolDirectory).filter((epoch) => !live.has(epoch));
  }

  function formerOf(epoch: bigint, mustRead: boolean): Former<bigint> {
    if (isEnded(spoolDirectory, epoch))
      return { boot: epoch, isEnded: true, leases: mustRead ? readEnded(spoolDirectory, epoch) : [] };
    const leases = epoch >= parts.standsInFrom ? lastTotals(spoolDirectory, epoch) : undefined;
    return { boot: epoch, isEnded: false, leases };
  }

  return {
    say(epoch, batch) {
      if (!complete.has(epoch)) complete.set(epoch, -1n);
      waiting.set(epoch, batch);
      void exchange();
    },
    look,
    isHeld: (epoch) => !told.has(epoch),
    leave: lookAround,
    close() {
      isClosed = true;
      clearTimeout(again);
    },
  };
}

/** A boot that had an epoch of the same number, on a machine with a copy of this disk; for it nobody here can speak. */
const ofAnother = 0n;

/** What a former version noted has no boot. */
function isSame(one: string, other: string): boolean {
  return one === other || one === "" || other === "";
}
