// The `labels` of a key: what its calls may be marked with, each name with its patterns of values.

import { labelNameProblem, labelPatternProblem, type PermittedLabels } from "../label.ts";
import { limits } from "../limits.ts";
import { checkedTextsOf, entriesOf, type Found, type Reading } from "./reader.ts";

export function permittedLabels(reading: Reading, at: Found | undefined): PermittedLabels[] {
  const entries = at && entriesOf(reading, at);
  if (!entries) return [];
  const { labelsPerKeyMax, labelPatternsPerLabelMax } = limits;
  if (entries.size > labelsPerKeyMax) reading.issues.add(at, `has more than ${labelsPerKeyMax} names`);
  return [...entries].map(([name, entry]) => {
    const problem = labelNameProblem(name);
    // What stands there is not repeated: it may be anything.
    if (problem !== undefined)
      reading.issues.add({ path: at.path, at: entry.keyAt }, `has a label whose name ${problem}`);
    const rules = { problemOf: labelPatternProblem, max: labelPatternsPerLabelMax, what: "patterns" };
    const values = checkedTextsOf(reading, entry, rules);
    if (values.length === 0) reading.issues.add(entry, "permits no value");
    return { name, values };
  });
}
