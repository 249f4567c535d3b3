// The servers of a file against those that there are, with the secrets of their headers. A value that is in the file is
// compared with the stored one, so that applying a file twice changes nothing; the plan names the header and never a value.

import type { ConfiguredServer } from "@tollgate/kernel/configuration/server";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Server } from "@tollgate/schema/resources";
import type { SecretChanges } from "../secrets/secret-changes.ts";
import { headerSecretName } from "../secrets/secret.decider.ts";
import { planHeaders } from "../servers/header-secrets.ts";
import {
  sameHeaders,
  serverDecider,
  settingsOf,
  type ServerCommand,
  type ServerSettings,
} from "../servers/server.decider.ts";
import { issueAt, type FilePlace, type PlanItem, type PlannedStep, type Planning } from "./planning.ts";

export type ServersPlan = {
  items: PlanItem[];
  changes: PlannedStep[];
  retired: PlanItem[];
  retires: PlannedStep[];
  secrets: SecretChanges;
};

export function planServers(planning: Planning): ServersPlan {
  const { configuration, current, directory, prune, randomBytes } = planning;
  const newId = (): string => idFromBytes(randomBytes(idBytes));
  const stores: SecretChanges["stores"][number][] = [];
  const erasures: string[] = [];
  const plan: ServersPlan = { items: [], changes: [], retired: [], retires: [], secrets: { stores, erasures } };
  for (const [index, wanted] of configuration.servers.entries()) {
    const place = { at: wanted.at, path: `servers[${index}]` };
    const planned = planHeaders(wanted.name, wanted.headers.map(wantedHeader), directory, newId);
    if (planned.outcome === "refused") {
      planning.issues.push(issueAt(place, planned.refusal));
      continue;
    }
    const { headers, changes } = planned;
    stores.push(...changes.stores);
    erasures.push(...changes.erasures);
    const { name, url, timeoutSeconds, allowPrivateNetwork } = wanted;
    const settings = { url, headers, timeoutSeconds, allowPrivateNetwork };
    const server = current.servers.get(name);
    const fields = server ? differencesOf(settings, server, changes) : [];
    const action = server === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "server", name, fields });
    if (!server) plan.changes.push(stepOf({ kind: "register", id: newId(), name, ...settings }, place));
    else if (fields.length > 0) plan.changes.push(stepOf({ kind: "change", id: server.id, settings }, place));
  }
  const named = new Set(configuration.servers.map(({ name }) => name));
  for (const { id, name } of prune ? current.servers.values() : []) {
    if (named.has(name)) continue;
    const planned = planHeaders(name, [], directory, newId);
    if (planned.outcome === "planned") erasures.push(...planned.changes.erasures);
    plan.retires.push(stepOf({ kind: "retire", id }, undefined));
    plan.retired.push({ action: "retire", kind: "server", name, fields: [] });
  }
  return plan;
}

function wantedHeader({ name, prefix, source }: ConfiguredServer["headers"][number]) {
  return { name, prefix, source };
}

function differencesOf(settings: ServerSettings, server: Server, { stores }: SecretChanges): string[] {
  const former = settingsOf(server);
  const fields = (["url", "timeoutSeconds", "allowPrivateNetwork"] as const).filter(
    (field) => settings[field] !== former[field],
  );
  const newValues = settings.headers.flatMap(({ name }) =>
    stores.some((secret) => secret.name === headerSecretName(server.name, name)) ? [`headers.${name}`] : [],
  );
  const isSame = sameHeaders(settings.headers, former.headers);
  return [...fields, ...(isSame ? newValues : ["headers"])];
}

function stepOf(command: ServerCommand, place: FilePlace | undefined): PlannedStep {
  return { step: { decider: serverDecider, id: command.id, command }, place };
}
