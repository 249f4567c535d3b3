// The labels that a key permits its calls: a bounded list of names, each once, with a bounded list of patterns of values.

import { labelNameProblem, labelPatternProblem, type PermittedLabels } from "@tollgate/kernel/label";
import { limits } from "@tollgate/kernel/limits";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import { sameList } from "../tool-groups/granted-tools.ts";

export function labelsProblem(labels: readonly PermittedLabels[]): InvalidInput | undefined {
  const { labelsPerKeyMax, labelPatternsPerLabelMax } = limits;
  if (labels.length > labelsPerKeyMax) return invalidInput("labels", `has more than ${labelsPerKeyMax} names`);
  if (new Set(labels.map(({ name }) => name)).size < labels.length) return invalidInput("labels", "has a name twice");
  for (const [index, { name, values }] of labels.entries()) {
    const at = `labels[${index}]`;
    const ofName = labelNameProblem(name);
    if (ofName !== undefined) return invalidInput(`${at}.name`, ofName);
    if (values.length === 0) return invalidInput(`${at}.values`, "is empty");
    if (values.length > labelPatternsPerLabelMax)
      return invalidInput(`${at}.values`, `has more than ${labelPatternsPerLabelMax} patterns`);
    for (const [n, pattern] of values.entries()) {
      const problem = labelPatternProblem(pattern);
      if (problem !== undefined) return invalidInput(`${at}.values[${n}]`, problem);
    }
  }
  return undefined;
}

export function sameLabels(a: readonly PermittedLabels[], b: readonly PermittedLabels[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, values }, index) => name === b[index]?.name && sameList(values, b[index].values))
  );
}
