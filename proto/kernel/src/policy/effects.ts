// What a change of the state would change for keys: each key's answer for each tool and model, before and after, by the functions
// that proxies ask. The call that is asked about has no arguments and no client: what only they could decide is said to
// depend on them. It looks at so many pairs and tells so many differences, and says whether that was all.

import { ProviderKind } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { reachableModels } from "../models.ts";
import { principalOfKey, type View } from "../view.ts";
import { explain, type DescribedCall, type Explanation } from "./explain.ts";

export type Reach = {
  /** `limited`: it is let through as long as there is room. */
  readonly reach: "hidden" | "allowed" | "limited" | "refused" | "depends";
  /** The policy that it is by, where it is by one; of limits all, with commas between them. */
  readonly policy: string;
};

export type Effect = {
  readonly keyId: string;
  readonly kind: "tool" | "model";
  /** `server/tool`, or a model as clients write it. */
  readonly name: string;
  readonly before: Reach;
  readonly after: Reach;
};

export type Effects = { readonly effects: readonly Effect[]; readonly isWhole: boolean };

export type Tool = { readonly server: string; readonly tool: string };

const doors = [
  { door: "anthropic", method: "messages", kind: ProviderKind.ANTHROPIC },
  { door: "openai", method: "chat/completions", kind: ProviderKind.OPENAI },
] as const;

export function effectsOf(
  { before, after }: { before: View; after: View },
  keyIds: readonly string[],
  tools: readonly Tool[],
  nowMs: number,
): Effects {
  const effects: Effect[] = [];
  let left = limits.dryRunPairsMax;
  const compare = (
    keyId: string,
    effect: Pick<Effect, "kind" | "name">,
    call: DescribedCall,
    kind?: ProviderKind,
  ): boolean => {
    if (left-- <= 0 || effects.length >= limits.dryRunEffectsMax) return false;
    const [was, is] = [before, after].map((view) => reachOf(explain(view, keyId, call, kind)));
    if (was && is && (was.reach !== is.reach || was.policy !== is.policy))
      effects.push({ keyId, ...effect, before: was, after: is });
    return true;
  };
  for (const keyId of keyIds) {
    for (const { server, tool } of tools) {
      const call = { ...blank, door: "mcp", method: "tools/call", server, tool, timeMs: nowMs } as const;
      if (!compare(keyId, { kind: "tool", name: `${server}/${tool}` }, call)) return { effects, isWhole: false };
    }
    for (const { door, method, kind } of doors)
      for (const model of modelsOf([before, after], keyId, kind, nowMs)) {
        const call = { ...blank, door, method, model, timeMs: nowMs };
        if (!compare(keyId, { kind: "model", name: model }, call, kind)) return { effects, isWhole: false };
      }
  }
  return { effects, isWhole: true };
}

const blank = {
  ...{ server: "", tool: "", prompt: "", resource: "", model: "", isStreamed: false, ip: "" },
  argumentsText: () => undefined,
  hasUnknownArguments: true,
  header: () => undefined,
  session: { id: "", agent: "", client: "", clientVersion: "" },
} as const;

/** Those that are listed to the key, before or after. */
function modelsOf(views: readonly View[], keyId: string, kind: ProviderKind, nowMs: number): ReadonlySet<string> {
  const listed = views.flatMap((view) => {
    const found = principalOfKey(view, keyId, nowMs);
    return found.outcome === "principal" ? reachableModels(view, found.principal, kind) : [];
  });
  return new Set(listed.map(({ id }) => id));
}

function reachOf({ outcome, levels, code, spoken }: Explanation): Reach {
  const last = spoken.at(-1);
  // What does not look at the arguments is said without them.
  const isOpen =
    (last?.said === "fails" && last.policy.expression.readsArguments) ||
    (last?.said === "refuses" && last.policy.kind === "validateArguments");
  if (last !== undefined && isOpen) return { reach: "depends", policy: last.policy.name };
  if (outcome === "allowed") {
    const counting = spoken.filter(({ said }) => said === "counts").map(({ policy }) => policy.name);
    return { reach: counting.length === 0 ? "allowed" : "limited", policy: counting.join(", ") };
  }
  const isByPolicy = last !== undefined && code !== undefined && (last.said === "refuses" || last.said === "fails");
  if (isByPolicy) return { reach: "refused", policy: last.policy.name };
  return { reach: levels.length === 0 ? "refused" : "hidden", policy: "" };
}
