// The shape of every decision: a pure function from a command and the folded state of one stream to events or a refusal.
// Time, ids, hashes and randomness arrive in the command. Rules over many streams (unique names, nothing retired while
// it is in use) are not decided here but said here: `reserve`, `release` and `refer` become rows that the log writes in
// the same transaction, where the database can hold them under concurrency.

import type { Message } from "@bufbuild/protobuf";

export type Decision<Event, Refusal> =
  ({ outcome: "accepted"; events: readonly Event[] } & NameRules) | { outcome: "refused"; refusal: Refusal };

export type NameRules = {
  /** The stream takes this name among its kind; taken by another: the refusal `name-taken`. */
  reserve?: string;
  /** The stream gives its name back; while others refer to it: the refusal `in-use`. */
  release?: true;
  /** The streams ("team/<id>") that this one needs from now on; one that has no name: `reference-missing`. */
  refer?: readonly string[];
};

export type NameRefusal =
  { kind: "name-taken"; name: string } | { kind: "in-use"; by: string } | { kind: "reference-missing"; scope: string };

export type Refusal = { kind: string };

export interface Decider<State, Command, Event extends Message, R extends Refusal> {
  /** The kind of its streams, as in the option `stream` of its events. */
  readonly stream: string;
  readonly initial: State;
  evolve(state: State, event: Event): State;
  decide(command: Command, state: State): Decision<Event, R>;
}

export function accept<Event>(events: readonly Event[], rules: NameRules = {}): Decision<Event, never> {
  return { outcome: "accepted", events, ...rules };
}

export function refuse<R extends Refusal>(refusal: R): Decision<never, R> {
  return { outcome: "refused", refusal };
}

export function fold<State, Command, Event extends Message, R extends Refusal>(
  decider: Decider<State, Command, Event, R>,
  events: Iterable<Event>,
): State {
  let state = decider.initial;
  for (const event of events) state = decider.evolve(state, event);
  return state;
}

export function assertNever(value: never): never {
  throw new Error(`a case that cannot be: ${JSON.stringify(value)}`);
}
