// The servers of a file against those that there are, with the secrets of their headers and environments. A value that is in the file is
// compared with the stored one, so that applying a file twice changes nothing; the plan names the header and never a value.

import { catalogues, eras, isolations, transports, type ConfiguredServer } from "@tollgate/kernel/configuration/server";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Server } from "@tollgate/schema/resources";
import type { AnyStep } from "../log/handle.ts";
import type { SecretChanges } from "../secrets/secret-changes.ts";
import { headerSecretName, variableSecretName } from "../secrets/secret.decider.ts";
import { planCredentials } from "../servers/server-secrets.ts";
import { serverDecider, settingsOf, type ServerCommand, type ServerSettings } from "../servers/server.decider.ts";
import { withdrawal } from "../tool-approvals/withdrawals.ts";
import { issueAt, pruned, type KindPlan, type PlanItem, type PlannedStep, type Planning } from "./planning.ts";

/** `idOf` a server that is there or will be. */
export type ServersPlan = KindPlan & { secrets: SecretChanges; idOf: (name: string) => string };

export function planServers(planning: Planning): ServersPlan {
  const { configuration, current, directory, randomBytes } = planning;
  const newId = (): string => idFromBytes(randomBytes(idBytes));
  const stores: SecretChanges["stores"][number][] = [];
  const erasures: string[] = [];
  const plan = { items: new Array<PlanItem>(), changes: new Array<PlannedStep>(), secrets: { stores, erasures } };
  const ids = new Map([...current.servers].map(([name, { id }]) => [name, id]));
  for (const [index, wanted] of configuration.servers.entries()) {
    const place = { at: wanted.at, path: `servers[${index}]` };
    const planned = planCredentials(wanted.name, wanted, directory, newId);
    if (planned.outcome === "refused") {
      planning.issues.push(issueAt(place, planned.refusal));
      continue;
    }
    const { references, changes } = planned;
    stores.push(...changes.stores);
    erasures.push(...changes.erasures);
    const { name } = wanted;
    const settings = { ...settingsIn(wanted), ...references };
    const server = current.servers.get(name);
    const fields = server ? differencesOf(settings, server, changes) : [];
    const action = server === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "server", name, fields });
    const id = server?.id ?? newId();
    ids.set(name, id);
    if (!server) plan.changes.push({ step: stepOf({ kind: "register", id, name, ...settings }), place });
    else if (fields.length > 0) plan.changes.push({ step: stepOf({ kind: "change", id, settings }), place });
  }
  const both = { there: current.servers, wanted: configuration.servers };
  const gone = pruned(planning, "server", both, ({ id, name }) => {
    const planned = planCredentials(name, { headers: [], environment: [] }, directory, newId);
    if (planned.outcome === "planned") erasures.push(...planned.changes.erasures);
    return [stepOf({ kind: "retire", id }), ...(current.approvals.get(id) ?? []).map(withdrawal)];
  });
  return { ...plan, ...gone, idOf: (name) => ids.get(name) ?? "" };
}

/** But for headers and environment, which are not stored as they stand in the file. */
function settingsIn(wanted: ConfiguredServer): ServerSettings {
  const { url, command, workingDirectory, timeoutSeconds, allowPrivateNetwork } = wanted;
  return {
    ...{ url, command, workingDirectory, timeoutSeconds, allowPrivateNetwork, headers: [], environment: [] },
    transport: transports[wanted.transport],
    era: eras[wanted.era],
    isolation: isolations[wanted.isolation],
    catalogue: catalogues[wanted.catalogue],
  };
}

function differencesOf(settings: ServerSettings, server: Server, { stores }: SecretChanges): string[] {
  const [is, former] = [plain(settings), plain(settingsOf(server))];
  const fields = Object.keys(is).filter((field) => is[field] !== former[field]);
  const isNew = new Set(stores.map(({ name }) => name));
  const newValues = (field: "headers" | "environment", secretName: (server: string, name: string) => string) =>
    fields.includes(field)
      ? []
      : settings[field].flatMap(({ name }) => (isNew.has(secretName(server.name, name)) ? [`${field}.${name}`] : []));
  return [...fields, ...newValues("headers", headerSecretName), ...newValues("environment", variableSecretName)];
}

/** Each field as a text that is equal where the field is. */
function plain({ headers, environment, ...settings }: ServerSettings): Readonly<Record<string, string>> {
  const lists = {
    headers: headers.map(({ name, prefix, secretId }) => [name, prefix, secretId]),
    environment: environment.map(({ name, prefix, secretId, value }) => [name, prefix, secretId, value]),
  };
  const fields = Object.entries({ ...settings, ...lists }).map(([field, value]) => [field, JSON.stringify(value)]);
  return Object.fromEntries(fields) as Record<string, string>;
}

function stepOf(command: ServerCommand): AnyStep {
  return { decider: serverDecider, id: command.id, command };
}
