// One entry of `models`, another name for a provider's model; the models that keys and teams are granted; and how a model of a
// provider of the file is named wherever one is. Patterns are only checked in their form, as those of tools are: what they
// name may come later.

import { isSeq } from "yaml";
import { modelNameProblem, modelPatternProblem } from "../model-pattern.ts";
import type { Place } from "./issue.ts";
import { checkedTextsOf, listOf, mappingOf, newNameOf, textOf, type Found, type Reading } from "./reader.ts";
import { nearest } from "./suggestion.ts";

export type ConfiguredModel = { provider: string; model: string };

export type ConfiguredModelAlias = {
  name: string;
  /** One, until there are more to choose from. */
  targets: ConfiguredModel[];
  at: Place;
};

const fields = { name: "required", targets: "required" } as const;
const targetFields = { model: "required" } as const;

export function readModelAlias(
  reading: Reading,
  at: Found,
  { taken, providers }: { taken: Map<string, Place>; providers: ReadonlySet<string> },
): ConfiguredModelAlias | undefined {
  const read = mappingOf(reading, at, fields, { later: ["strategy", "fallbacks"] });
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, taken);
  const targets = read.targets ? targetsOf(reading, read.targets, providers) : [];
  return name === undefined || !read.name ? undefined : { name, targets, at: read.name.at };
}

function targetsOf(reading: Reading, at: Found, providers: ReadonlySet<string>): ConfiguredModel[] {
  const found = isSeq(at.node) ? at.node.items.length : 1;
  if (found === 0) reading.issues.add(at, "names no model");
  if (found > 1) reading.issues.add(at, "has more than one target, which is not supported by this version yet");
  return listOf(reading, at, (_, item) => {
    const read = mappingOf(reading, item, targetFields, { later: ["weight"] });
    return read?.model && modelOf(reading, read.model, { providers, problemOf: modelNameProblem });
  });
}

export type ModelRules = {
  /** Those that may stand before the slash. */
  providers: ReadonlySet<string>;
  /** Why what stands behind it is no model. */
  problemOf: (model: string) => string | undefined;
};

/** `provider/model`, where everything behind the first slash is the model. */
export function modelOf(
  reading: Reading,
  at: Found,
  { providers, problemOf }: ModelRules,
): ConfiguredModel | undefined {
  const text = textOf(reading, at);
  if (text === undefined) return undefined;
  const slash = text.indexOf("/");
  const [provider, model] = [text.slice(0, slash), text.slice(slash + 1)];
  const problem = slash < 0 ? "is not of the form provider/model" : problemOf(model);
  if (problem !== undefined) reading.issues.add(at, problem);
  else if (providers.has(provider)) return { provider, model };
  else {
    const meant = nearest(provider, providers);
    reading.issues.add(
      at,
      `names no provider of this file${meant === undefined ? "" : `; the nearest is \`${meant}\``}`,
    );
  }
  return undefined;
}

export function grantedModels(reading: Reading, at: Found | undefined, max: number): string[] {
  return checkedTextsOf(reading, at, { problemOf: modelPatternProblem, max, what: "patterns" });
}
