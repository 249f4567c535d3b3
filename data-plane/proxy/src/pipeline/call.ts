// One call on its way through the gate, the same for every door, and what each step adds to it. A step is an interceptor: it
// takes the next and gives a function that refuses the call or hands it on, knowing more. There is no container and no
// base class; a door composes its line of steps once, at start.

import type { ErrorCode } from "@tollgate/kernel/errors";
import type { RunningCall, RunningEnd } from "@tollgate/kernel/lending/running";
import type { PolicyLimit } from "@tollgate/kernel/policy/answer";
import type { Priced } from "@tollgate/kernel/tariff";
import type { Principal, View } from "@tollgate/kernel/view";
import type { Provider, ProviderKind, Server } from "@tollgate/schema/resources";
import type { Shortage, Standing, Tell } from "./allowance.ts";
import type { Credential } from "../http/credentials.ts";

export type DoorName = "mcp" | ModelDoorName;

/** Doors to models, each by the protocol that its clients speak. */
export type ModelDoorName = "anthropic" | "openai";

/** `data` goes into the error beside the code, where the door's protocol wants it. */
export type Refusal = {
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly data?: object;
  /** Why it cannot go out now, where it may later: each door has its own words and headers for it. */
  readonly short?: { readonly shortage: Shortage; readonly standing: Standing };
};

export type Call = {
  readonly requestId: string;
  readonly door: DoorName;
  /** Of the monotonic clock. */
  readonly startedMs: number;
  readonly requestBytes: number;
  /** In the door's own envelope. */
  answerRefusal(refusal: Refusal): void;
};

/** What is written down of a call beside who makes it and where it goes. Empty where the client does not say. */
export type Description = {
  readonly method: string;
  readonly clientEra: "legacy" | "modern";
  readonly toolUseId: string;
  readonly sessionId: string;
  readonly clientName: string;
  readonly clientVersion: string;
};

export type Described = Call & { readonly description: Description };

export type Presented<C extends Call> = { readonly call: C; readonly credential: Credential };

/** From here on it is known who calls, and by which one view everything is decided. */
export type Admitted<C extends Call> = { readonly call: C; readonly view: View; readonly principal: Principal };

export type TargetKind = "tools" | "prompts" | "resources" | "templates";

export type Target = { readonly kind: TargetKind; readonly server: string; readonly tool: string };

export type Authorised<C extends Call> = {
  readonly call: C;
  readonly view: View;
  readonly principal: Principal;
  readonly server: Server;
  /** The server's own name for it. */
  readonly tool: string;
  /** What it costs, which is not known where that is undefined; without it the call is free. */
  readonly price?: { readonly nanoUsd: bigint | undefined };
  /** Of policies; undefined before they were asked. */
  readonly policyLimits?: readonly PolicyLimit[];
  /** What it holds of budgets and limits; undefined where none is for it. */
  readonly reservation?: ToolReservation;
};

/** What one call of a tool holds, until it is settled. */
export type ToolReservation = {
  /** That it holds money of. */
  accounts(): string[];
  /** Once, when it is over. */
  settle(): void;
};

/** What is written down of a call to a model, as `Description` is of one to a server. */
export type ModelDescription = {
  readonly operation: string;
  /** As the client wrote it; empty where the path alone says what is meant. */
  readonly modelAsked: string;
  readonly isStreamed: boolean;
  readonly sessionId: string;
  readonly agentId: string;
  readonly parentAgentId: string;
  readonly clientName: string;
  readonly clientVersion: string;
};

export type DescribedModelCall = Call & { readonly door: ModelDoorName; readonly description: ModelDescription };

/** A model by what a client calls it, at a door whose clients speak the language of one kind of provider. */
export type AskedModel = {
  readonly kind: ProviderKind;
  readonly model: string;
  /** What the provider may use besides, by its own names. */
  readonly besides: readonly string[];
};

/** A name of no model, which only a pattern for all of a provider's models lets through. */
export const anyModel = "*";

export type ReachedProvider<C extends Call> = Admitted<C> & {
  readonly provider: Provider;
  /** The provider's own name for it; empty where what is asked for is no model. */
  readonly model: string;
  /** Of policies; undefined before they were asked. */
  readonly policyLimits?: readonly PolicyLimit[];
};

/** With what the call can cost at most. Nothing is bounded where no price is known. */
export type BoundedModelCall<C extends Call> = ReachedProvider<C> & {
  readonly price: Priced | undefined;
  readonly boundNanoUsd: bigint;
  /** What it holds of budgets and limits; undefined where none is for it. */
  readonly reservation: Reservation | undefined;
};

/** What one call holds, until it is settled. */
export type Reservation = {
  /** What it would cost at most if nothing more came of it. */
  heldNanoUsd(): bigint;
  /** How what it is charged to stands, in the words of `tell`. */
  told(tell: Tell): string;
  /** That it holds money of. */
  accounts(): string[];
  /** Whether it may hold less than all that the call can cost. Only then there is something to cover. */
  readonly isRunning: boolean;
  /** Whether it pays for what was seen of an answer; holds more where it does not, and less where the input cost less. */
  covers(seenTokens: number, said: () => InputSaid | undefined): boolean;
  /** For another attempt, while nobody knows what became of the one before. */
  again(): boolean;
  /** Once, when it is over. `isKnown`: whether the provider has said what was used. */
  settle(used: { costNanoUsd: bigint; tokens: bigint; isKnown: boolean; end: RunningEnd }): void;
};

/** What the provider says that it has read costs at most, and with it what it writes. */
export type InputSaid = Pick<RunningCall, "inputNanoUsd" | "outputRateNanoUsd">;

export type Step<In> = (input: In) => void;
export type Interceptor<In, Out> = (next: Step<Out>) => Step<In>;
