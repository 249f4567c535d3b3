// What a stream holds of a budget while it runs. With `full` it is the most that the call can cost; with `running` it is what
// its input costs, what was seen of its output and a margin for what is on its way, and the rest up to the most is held as
// exposure, because a provider that reasons unseen may be that far ahead. Held and exposed are the most that the call can cost,
// at every moment. Arithmetic on amounts alone: who holds them, and of what leases, is no matter here.

export type RunningCall = {
  /** What it costs before it writes: the most, until the provider has said it. */
  readonly inputNanoUsd: bigint;
  /** For a million tokens of output, the dearest that may apply. */
  readonly outputRateNanoUsd: bigint;
  /** Of all answers that it asks for. */
  readonly outputTokensMost: number;
  readonly marginTokens: number;
};

/** What a call has of a budget's money and of its exposure. */
export type Held = { readonly held: bigint; readonly exposed: bigint };

/** `isUrgent`: what is seen may not go on before it is held. Otherwise there is time to ask for it. */
export type Extension = { readonly more: bigint; readonly isUrgent: boolean };

/**
 * `said`: the provider said at the end what it was. `cancelled`: it broke off, and the provider knows, because one who was there
 * ended the connection. `lost`: nobody knows whether it does.
 */
export type RunningEnd =
  | { readonly kind: "said"; readonly costNanoUsd: bigint }
  | { readonly kind: "cancelled"; readonly seenTokens: number }
  | { readonly kind: "lost" };

const tokensPerRate = 1_000_000n;

/** The most that it can cost. */
export function fullOf(call: RunningCall): bigint {
  return call.inputNanoUsd + outputCost(call, call.outputTokensMost);
}

/** The least that is held when so much was seen. */
export function neededAt(call: RunningCall, seenTokens: number): bigint {
  return call.inputNanoUsd + outputCost(call, Math.min(seenTokens + call.marginTokens, call.outputTokensMost));
}

/** What it holds before it goes out; one who may not expose so much holds all of it. */
export function firstHold(call: RunningCall, exposureLeft: bigint): Held {
  const held = heldAt(call, 0);
  const exposed = fullOf(call) - held;
  return exposed <= exposureLeft ? { held, exposed } : { held: fullOf(call), exposed: 0n };
}

/** What is to be held more, of the money; it is so much less exposed. Undefined: what is held is enough for a while. */
export function extensionAt(call: RunningCall, { held, exposed }: Held, seenTokens: number): Extension | undefined {
  const soon = neededAt(call, seenTokens + Math.ceil(stepTokens(call) / 2));
  if (soon <= held || exposed === 0n) return undefined;
  const more = heldAt(call, seenTokens) - held;
  return { more: more < exposed ? more : exposed, isUrgent: neededAt(call, seenTokens) > held };
}

export function extended({ held, exposed }: Held, { more }: Extension): Held {
  return { held: held + more, exposed: exposed - more };
}

/** The provider has said what its input costs, and with it the rate of what it writes: what was held above it comes back. */
export function inputSaid(
  call: RunningCall,
  had: Held,
  said: Pick<RunningCall, "inputNanoUsd" | "outputRateNanoUsd">,
  seenTokens: number,
): { readonly call: RunningCall; readonly has: Held } {
  const now = { ...call, ...said };
  const full = fullOf(now);
  // What was not bounded by what was said before stays as it is, and is charged at the end.
  if (full > had.held + had.exposed) return { call, has: had };
  const least = had.exposed === 0n ? full : heldAt(now, seenTokens);
  const held = least < had.held ? least : had.held;
  const exposed = full - held < had.exposed ? full - held : had.exposed;
  return { call: now, has: { held: full - exposed, exposed } };
}

/** What counts as spent of what it held, and what of its exposure is lost for as long as the budget's period lasts. */
export function settledAt(call: RunningCall, { held, exposed }: Held, end: RunningEnd): Held {
  switch (end.kind) {
    case "said":
      return { held: end.costNanoUsd, exposed: 0n };
    case "cancelled": {
      const needed = neededAt(call, end.seenTokens);
      return { held: needed < held ? needed : held, exposed: 0n };
    }
    case "lost":
      return { held, exposed };
  }
}

/** A step ahead of what was seen, so that a stream is not held up by each of its tokens. */
function heldAt(call: RunningCall, seenTokens: number): bigint {
  return neededAt(call, seenTokens + stepTokens(call));
}

/** As long as the margin: what is held too much is no more than that. */
function stepTokens({ marginTokens }: RunningCall): number {
  return Math.max(1, marginTokens);
}

function outputCost({ outputRateNanoUsd }: RunningCall, tokens: number): bigint {
  return (BigInt(tokens) * outputRateNanoUsd + tokensPerRate - 1n) / tokensPerRate;
}
