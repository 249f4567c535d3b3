// What keys and teams have in common: a bounded list of patterns of models. A pattern may name what is not there, or not yet.

import { modelPatternProblem } from "@tollgate/kernel/model-pattern";
import { invalidInput, type InvalidInput } from "../refusals.ts";

export function modelsProblem(models: readonly string[], patternsMax: number): InvalidInput | undefined {
  if (models.length > patternsMax) return invalidInput("models", `has more than ${patternsMax} patterns`);
  for (const [index, pattern] of models.entries()) {
    const problem = modelPatternProblem(pattern);
    if (problem !== undefined) return invalidInput(`models[${index}]`, problem);
  }
  return undefined;
}
