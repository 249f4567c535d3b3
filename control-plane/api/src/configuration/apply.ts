// Applying a `tollgate.yaml`: parse, compare, commit; all of it or nothing. A dry run goes the whole way, every decision and
// every name rule included, and takes its transaction back. When somebody else was first, the comparison is made again.

import { parseConfiguration, type Configuration } from "@tollgate/kernel/configuration/configuration";
import { formatIssue, type Issue } from "@tollgate/kernel/configuration/issue";
import type { Resolve } from "@tollgate/kernel/configuration/reader";
import { parseKey } from "@tollgate/kernel/key-format";
import { handleAll, type AnyStep, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { isByNames, untilNamesHold } from "../log/named.ts";
import { head } from "../log/read.ts";
import type { Plane } from "../plane.ts";
import { namedSecrets as namedCredentials } from "../providers/provider-secrets.ts";
import type { AnyRefusal } from "../refusals.ts";
import { secretRows } from "../secrets/secret-changes.ts";
import { readSecretDirectory } from "../secrets/secret-directory.ts";
import { secretsOwner } from "../secrets/secret.decider.ts";
import { isUncovered } from "../policies/force.ts";
import { policyDecider, type PolicyCommand } from "../policies/policy.decider.ts";
import { demandPrograms } from "../servers/server-command.ts";
import { namedSecrets } from "../servers/server-secrets.ts";
import { readCurrent, type CurrentState } from "./current.ts";
import { planConfiguration } from "./plan.ts";
import { issueAt, type IssuedKey, type Plan, type PlanItem } from "./planning.ts";

export type CommitRequest = {
  dryRun: boolean;
  prune: boolean;
  /** Called with the keys that were made, before they are committed; again when the commit is. */
  keep?: (issued: readonly IssuedKey[]) => Promise<void>;
  /** Called with what the steps decided, also in a dry run. */
  decided?: (steps: readonly AnyStep[], states: readonly unknown[]) => void;
  /** What is answered, but for its position and the texts of keys. */
  answer?: (items: readonly PlanItem[], issued: readonly IssuedKey[]) => AnswerBody;
};

export type ApplyRequest = CommitRequest & { text: string; fileName: string; resolve: Resolve };

export type Applied =
  | { outcome: "applied"; items: PlanItem[]; isApplied: boolean; issued: IssuedKey[]; position: bigint }
  /** `report` has a line for each issue, as terminals and editors know it. */
  | { outcome: "invalid"; issues: readonly Issue[]; report: string };

class DryRun extends Error {}

export async function applyConfiguration(plane: Plane, meta: Meta, request: ApplyRequest): Promise<Applied> {
  const parsed = parseConfiguration(request.text, { fileName: request.fileName, resolve: request.resolve });
  if (parsed.outcome === "invalid") return parsed;
  const { configuration } = parsed;
  const keyIds = configuration.keys.flatMap(({ secret }) => (secret === undefined ? [] : (parseKey(secret)?.id ?? [])));
  const done = await applyWanted(plane, meta, request, { keyIds, wanted: () => ({ configuration }) });
  if (done.outcome === "accepted") return { ...done, outcome: "applied" };
  const { issues } = done;
  return { outcome: "invalid", issues, report: issues.map((issue) => formatIssue(request.fileName, issue)).join("\n") };
}

export type Wanted = {
  /** The ids of keys that are brought along. */
  keyIds: readonly string[];
  /** What there shall be, for what there is; asked again when somebody else was first. */
  wanted: (current: CurrentState) => { configuration: Configuration } | { issues: readonly Issue[] };
};

export function applyWanted(plane: Plane, meta: Meta, request: CommitRequest, wanted: Wanted): Promise<Attempted> {
  return untilNamesHold(() => attempt(plane, meta, request, wanted), isOvertaken);
}

/** A key of the file that was revoked meanwhile is left out by the next plan. */
function isOvertaken(refused: { refusal: { kind: string } }): boolean {
  return isByNames(refused) || refused.refusal.kind === "already-revoked";
}

export type Attempted =
  | { outcome: "accepted"; items: PlanItem[]; isApplied: boolean; issued: IssuedKey[]; position: bigint }
  | { outcome: "refused"; refusal: { kind: string }; issues: readonly Issue[] };

async function attempt(
  plane: Plane,
  meta: Meta,
  { dryRun, prune, keep, decided, answer }: CommitRequest,
  { keyIds, wanted }: Wanted,
): Promise<Attempted> {
  const { database, secretStore, randomBytes } = plane;
  const current = await readCurrent(plane, keyIds);
  const asked = wanted(current);
  if ("issues" in asked) return { outcome: "refused", refusal: { kind: "planned" }, issues: asked.issues };
  const { configuration } = asked;
  const directory = await readSecretDirectory(
    database.sql,
    secretStore,
    secretsOf(configuration, prune ? current : none),
  );
  const plan = planConfiguration({ configuration, current, directory, prune, timeMs: meta.timeMs, randomBytes });
  if ("issues" in plan) return { outcome: "refused", refusal: { kind: "planned" }, issues: plan.issues };
  const { items, issued } = plan;
  const rows = secretRows(secretStore, plan.secrets);
  try {
    const steps = plan.steps.map(({ step }) => step);
    const isForced = meta.isForced === true && !steps.some(isUncoveredPolicy);
    const done = await handleAll(
      database,
      steps,
      { ...meta, isForced },
      {
        async within(sql, states) {
          demandPrograms(meta, states);
          await rows(sql, states);
          decided?.(steps, states);
          if (dryRun) throw new DryRun();
          await keep?.(issued);
        },
        answer: answer && (() => answer(items, issued)),
      },
    );
    if (done.outcome === "refused") return refusedAt(plan, done);
    return { outcome: "accepted", items, isApplied: true, issued, position: done.position };
  } catch (error) {
    if (!(error instanceof DryRun)) throw error;
    const { position } = await head(database.sql);
    return { outcome: "accepted", items, isApplied: false, issued: [], position };
  }
}

function isUncoveredPolicy({ decider, command }: AnyStep): boolean {
  // The step is this decider's, and so is its command.
  return decider.stream === policyDecider.stream && isUncovered(command as PolicyCommand);
}

type Owners = Readonly<Record<"servers" | "providers", ReadonlyMap<string, unknown>>>;

const none: Owners = { servers: new Map(), providers: new Map() };

/** Those that the file names, and all that belong to what it names or `others` hold. */
function secretsOf({ servers, providers }: Configuration, others: Owners) {
  const owners = (
    kind: "server" | "provider",
    wanted: readonly { name: string }[],
    there: ReadonlyMap<string, unknown>,
  ) => [...wanted.map(({ name }) => name), ...there.keys()].map((name) => secretsOwner(kind, name));
  return {
    names: [...servers.flatMap(namedSecrets), ...providers.flatMap(({ credentials }) => namedCredentials(credentials))],
    ofOwners: [...owners("server", servers, others.servers), ...owners("provider", providers, others.providers)],
  };
}

const start = { at: { line: 1, column: 1 }, path: "" };

function refusedAt(plan: Plan, { step, refusal }: { step: number; refusal: { kind: string } }): Attempted {
  // What a prune or a header's secret met stands nowhere in the file.
  const place = plan.steps[step]?.place ?? start;
  return { outcome: "refused", refusal, issues: [issueAt(place, known(refusal))] };
}

/** The steps are of the product's own deciders, whose refusals are these; the list of steps does not say so. */
function known(refusal: { kind: string }): AnyRefusal {
  return refusal as AnyRefusal;
}
