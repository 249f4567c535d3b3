// What a mock model does, in words that both kinds of model share: a script is a function from the situation (the tools
// that the client offers, the outcomes of the calls so far) to the model's next turn. It must be a pure function of the
// situation, so that a client that repeats a request gets the same turn again. The mock provider (scripted-model.ts)
// says it in the protocol of whoever asks.
import type { Trouble } from "../../infra/mock-provider/reply.ts";

export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: unknown;
}

/** What the client told its model about a call. */
export interface ToolOutcome {
  readonly tool: string;
  readonly callId: string;
  /** The blocks of text, joined by newlines. */
  readonly text: string;
  readonly isError: boolean;
  /** As it came, for what is no text. */
  readonly content: unknown;
}

export interface Situation {
  readonly tools: readonly OfferedTool[];
  /** Of all calls of this conversation, in their order. */
  readonly outcomes: readonly ToolOutcome[];
  /** All text of the last message of a user's. */
  readonly asked: string;
}

export interface CallTurn {
  readonly call: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Where it is in trouble, the provider answers in its place. */
export type Turn = { readonly say: string } | CallTurn | { readonly trouble: Trouble };

export type Script = (situation: Situation) => Turn;

export const call = (tool: string, input: Readonly<Record<string, unknown>> = {}): CallTurn => ({ call: tool, input });

/** One turn after the other, as far as each is a call; then what `then` says. */
export function inOrder(turns: readonly Turn[], then: Script = () => ({ say: "done" })): Script {
  return (situation) => turns[situation.outcomes.length] ?? then(situation);
}

/**
 * Calls each of these tools once it is offered, and calls another one until then. Clients learn of a changed list beside the
 * outcome of the call that changed it, so nobody can say at which turn they offer the new one.
 */
export function whenOffered(wanted: readonly CallTurn[], meanwhile: CallTurn, callsMax: number): Script {
  return ({ tools, outcomes }) => {
    const open = wanted.filter((turn) => !outcomes.some(({ tool }) => tool === turn.call));
    if (open.length === 0) return { say: "done" };
    const next = open.find((turn) => tools.some(({ name }) => name === turn.call));
    if (next !== undefined) return next;
    if (outcomes.length < callsMax) return meanwhile;
    return { say: `${open.map((turn) => turn.call).join(", ")} was never offered` };
  };
}
