// What a mock model does, in words that both kinds of model share: a script is a function from the situation (the tools
// that the client offers, the outcomes of the calls so far) to the model's next turn. It must be a pure function of the
// situation, so that a client that repeats a request gets the same turn again. The mocks (mock-anthropic.ts,
// mock-openai.ts) translate it into their providers' protocols.

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
}

export interface CallTurn {
  readonly call: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export type Turn = { readonly say: string } | CallTurn;

export type Script = (situation: Situation) => Turn;

export const call = (tool: string, input: Readonly<Record<string, unknown>> = {}): CallTurn => ({ call: tool, input });

/** One turn after the other, as far as each is a call; then what `then` says. */
export function inOrder(turns: readonly Turn[], then: Script = () => ({ say: "done" })): Script {
  return (situation) => turns[situation.outcomes.length] ?? then(situation);
}

/**
 * Calls a tool once it is offered, and calls another one until then. Clients learn of a changed list beside the outcome of
 * the call that changed it, so nobody can say at which turn they offer the new one.
 */
export function whenOffered(wanted: CallTurn, meanwhile: CallTurn, callsMax: number): Script {
  return ({ tools, outcomes }) => {
    if (outcomes.some(({ tool }) => tool === wanted.call)) return { say: "done" };
    if (tools.some(({ name }) => name === wanted.call)) return wanted;
    return outcomes.length < callsMax ? meanwhile : { say: `${wanted.call} was never offered` };
  };
}
