// Makes two observations of a server comparable: what servers.ts says varies is replaced by its name, in every text. Nothing
// else is touched, so what differs afterwards differs on the wire.
import type { Answer, Observation } from "./observe.ts";
import type { Variation } from "./servers.ts";

export function comparable(observation: Observation, varies: readonly Variation[]): Observation {
  const steady = (text: string): string =>
    varies.reduce((before, { what, pattern }) => before.replace(pattern, `<${what}>`), text);
  const of = (answer: Answer): Answer =>
    "result" in answer ? { result: steady(answer.result) } : { error: steady(answer.error) };
  return {
    initialize: of(observation.initialize),
    tools: observation.tools.map(of),
    prompts: observation.prompts.map(of),
    resources: observation.resources.map(of),
    resourceTemplates: observation.resourceTemplates.map(of),
    prompted: observation.prompted.map(of),
    read: observation.read.map(of),
    calls: observation.calls.map(({ call, answer }) => ({ call, answer: of(answer) })),
  };
}
