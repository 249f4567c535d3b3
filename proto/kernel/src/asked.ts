// What a request says of itself beside its key: that it shall reach less than the key does (`x-tollgate-tools`,
// `x-tollgate-servers`, `x-tollgate-models`), and what it is marked with (`x-tollgate-labels`). It can only take away, and only
// mark as its key permits; what cannot be read refuses the request. Lists and calls are decided by the principal that
// comes out. Clients repeat themselves, so what was worked out lately is kept, for all keys together in a bounded table.

import type { ErrorCode } from "./errors.ts";
import { bothOf, unsharedGrant, type Grant } from "./grant.ts";
import type { KeyText } from "./key-format.ts";
import { labelNameProblem, labelParts, labelValueProblem, permitsLabel } from "./label.ts";
import { limits } from "./limits.ts";
import { bothModelGrants, unsharedModelGrant } from "./model-grant.ts";
import { modelPatternProblem } from "./model-pattern.ts";
import { toolPatternProblem } from "./tool-pattern.ts";
import { authenticate, type Principal, type View } from "./view.ts";

/** Texts as they were sent, items between commas; undefined for what was not, which is not the same as empty. */
export type Asked = {
  readonly tools: string | undefined;
  readonly servers: string | undefined;
  readonly models: string | undefined;
  readonly labels: string | undefined;
};

export const askedHeaders = {
  tools: "x-tollgate-tools",
  servers: "x-tollgate-servers",
  models: "x-tollgate-models",
  labels: "x-tollgate-labels",
} as const satisfies Record<keyof Asked, string>;

/** `sha256` is the hash of the whole text that was sent as the key. */
export type Presented = { readonly key: KeyText; readonly sha256: Uint8Array; readonly asked?: Asked | undefined };

export type Admission =
  | { readonly outcome: "principal"; readonly principal: Principal }
  /** With a principal where it is known whose the request was. */
  | {
      readonly outcome: "refused";
      readonly code: ErrorCode;
      readonly detail?: string;
      readonly principal?: Principal;
    };

export function admit(view: View, { key, sha256, asked }: Presented, nowMs: number): Admission {
  const authenticated = authenticate(view, key, sha256, nowMs);
  if (authenticated.outcome === "refused" || asked === undefined) return authenticated;
  return asAsked(authenticated.principal, asked);
}

type Kept = { readonly principal: Principal; readonly admission: Admission };

const kept = new Map<string, Kept>();
/** Of all keys. One that falls out is worked out again. */
const keptMax = 1_000;

export function asAsked(principal: Principal, asked: Asked): Admission {
  const texts = [asked.tools, asked.servers, asked.models, asked.labels];
  if (texts.some((text) => text !== undefined && text.length > limits.askedHeaderCharsMax))
    return refused(
      principal,
      "request.too-large",
      `Such a header has at most ${limits.askedHeaderCharsMax} characters.`,
    );
  // No header holds either: what was not sent is told from what is empty.
  const name = [principal.key.id, ...texts.map((text) => text ?? "\r")].join("\n");
  const known = kept.get(name);
  if (known?.principal === principal) return known.admission;
  const admission = workOut(principal, asked);
  if (known === undefined && kept.size >= keptMax) for (const oldest of kept.keys()) if (kept.delete(oldest)) break;
  kept.set(name, { principal, admission });
  return admission;
}

function workOut(principal: Principal, { tools, servers, models, labels }: Asked): Admission {
  const problem =
    problemIn(tools, askedHeaders.tools, toolPatternProblem) ??
    problemIn(servers, askedHeaders.servers, serverProblem) ??
    problemIn(models, askedHeaders.models, modelPatternProblem);
  if (problem !== undefined) return refused(principal, "request.narrowing-invalid", problem);
  const ofLabels = problemIn(labels, askedHeaders.labels, labelProblem) ?? repeatedLabel(labels);
  if (ofLabels !== undefined) return refused(principal, "request.label-invalid", ofLabels);
  const marks = itemsOf(labels).sort();
  const stranger = marks.map(labelParts).find(({ name, value }) => !permitsLabel(principal.key.labels, name, value));
  if (stranger) return refused(principal, "request.label-refused", `It is the label \`${stranger.name}\`.`);
  const byTools = tools === undefined ? [] : [itemsOf(tools)];
  const byServers = servers === undefined ? [] : [itemsOf(servers).map((name) => `${name}/*`)];
  const grant = [...byTools, ...byServers].map(unsharedGrant).reduce<Grant>(bothOf, principal);
  const { allows, allowsPrompt, allowsResource, reaches } = grant;
  const ofModels =
    models === undefined ? principal.models : bothModelGrants(principal.models, unsharedModelGrant(itemsOf(models)));
  return {
    outcome: "principal",
    principal: { ...principal, allows, allowsPrompt, allowsResource, reaches, models: ofModels, labels: marks },
  };
}

function refused(principal: Principal, code: ErrorCode, detail: string): Admission {
  return { outcome: "refused", code, detail, principal };
}

/** What stands between commas; of a text without any, nothing. */
function itemsOf(text: string | undefined): string[] {
  if (text === undefined || text.trim() === "") return [];
  return text.split(",").map((item) => item.trim());
}

/** By its number: what stands there is not repeated, since it may be anything. */
function problemIn(
  text: string | undefined,
  header: string,
  problemOf: (item: string) => string | undefined,
): string | undefined {
  const items = itemsOf(text);
  const max = limits.askedHeaderItemsMax;
  if (items.length > max) return `\`${header}\` has more than ${max} items.`;
  for (const [index, item] of items.entries()) {
    const problem = problemOf(item);
    if (problem !== undefined) return `Item ${index + 1} of \`${header}\` ${problem}.`;
  }
  return undefined;
}

function serverProblem(name: string): string | undefined {
  return /^[a-z0-9._*-]+$/i.test(name) ? undefined : "names a server that cannot be";
}

function labelProblem(item: string): string | undefined {
  if (!item.includes("=")) return "is not of the form name=value";
  const { name, value } = labelParts(item);
  const ofName = labelNameProblem(name);
  if (ofName !== undefined) return `has a name that ${ofName}`;
  const ofValue = labelValueProblem(value);
  return ofValue === undefined ? undefined : `has a value that ${ofValue}`;
}

function repeatedLabel(text: string | undefined): string | undefined {
  const labels = itemsOf(text);
  const max = limits.labelsPerCallMax;
  if (labels.length > max) return `\`${askedHeaders.labels}\` has more than ${max} labels.`;
  const isRepeated = new Set(labels.map((item) => labelParts(item).name)).size < labels.length;
  return isRepeated ? `\`${askedHeaders.labels}\` has a label twice.` : undefined;
}
