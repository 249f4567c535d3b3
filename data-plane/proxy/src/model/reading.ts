// What was read of an answer on its way.

import type { TokenUsage } from "@tollgate/kernel/pricing";
import type { AttemptHead } from "./attempt.ts";
import type { ModelErrand } from "./errand.ts";

export type AnswerReading = {
  readonly usage: TokenUsage;
  readonly said: { readonly input: boolean; readonly output: boolean };
  readonly isComplete: boolean;
  readonly model: string;
  readonly stopReason: string;
  readonly toolUseIds: readonly string[];
  readonly seenOutputBytes: number;
  readonly error: string;
  readonly otherModels: ReadonlyMap<string, TokenUsage>;
};

export interface AnswerReader {
  push(chunk: Buffer): void;
  reading(): AnswerReading;
}

export function readerFor(_call: ModelErrand, _head: AttemptHead): AnswerReader | undefined {
  return undefined;
}
