// `tollgate.yaml` as text to what it asks for, or to the list of everything that is wrong with it, each with line and
// column. Pure: environment variables come from the caller, nothing is applied and nothing looked up in the gate. A file
// with one mistake is refused as a whole. No message repeats a value that could be a secret.

import { limits } from "../limits.ts";
import { readBudget, type ConfiguredBudget } from "./budget.ts";
import { formatIssue, IssueList, type Issue, type Place } from "./issue.ts";
import { readCustomer, type ConfiguredCustomer } from "./customer.ts";
import { readEnvironment, type ConfiguredEnvironment } from "./environment.ts";
import { readKey, type ConfiguredKey, type KeyNeighbours } from "./key.ts";
import { readLimit, type ConfiguredLimit } from "./limit.ts";
import { readMember, type ConfiguredMember } from "./member.ts";
import { readModelAlias, type ConfiguredModelAlias } from "./models.ts";
import { readPolicy, type ConfiguredPolicy } from "./policy.ts";
import { readPrice, type ConfiguredPrice, type ConfiguredToolPrice } from "./price.ts";
import { readProvider, type ConfiguredProvider } from "./provider.ts";
import { integerOf, listOf, mappingOf, type Found, type Reading, type Resolve } from "./reader.ts";
import { readServer, type ConfiguredServer } from "./server.ts";
import { readToolGroup, type ConfiguredToolGroup } from "./tool-group.ts";
import { readYaml } from "./yaml-source.ts";

export type Configuration = {
  toolGroups: ConfiguredToolGroup[];
  customers: ConfiguredCustomer[];
  teams: ConfiguredMember[];
  users: ConfiguredMember[];
  keys: ConfiguredKey[];
  servers: ConfiguredServer[];
  environments: ConfiguredEnvironment[];
  providers: ConfiguredProvider[];
  modelAliases: ConfiguredModelAlias[];
  prices: ConfiguredPrice[];
  toolPrices: ConfiguredToolPrice[];
  budgets: ConfiguredBudget[];
  limits: ConfiguredLimit[];
  policies: ConfiguredPolicy[];
};

/** Asks for nothing. */
export const emptyConfiguration: Readonly<Configuration> = {
  ...{ toolGroups: [], customers: [], teams: [], users: [], keys: [], servers: [], environments: [] },
  ...{ providers: [], modelAliases: [], prices: [], toolPrices: [], budgets: [], limits: [], policies: [] },
};

export type Parsed =
  | { outcome: "configuration"; configuration: Configuration }
  /** `report` has a line for each issue, as terminals and editors know it. */
  | { outcome: "invalid"; issues: readonly Issue[]; report: string };

const sections = {
  version: "required",
  toolGroups: "optional",
  customers: "optional",
  teams: "optional",
  users: "optional",
  keys: "optional",
  servers: "optional",
  environments: "optional",
  providers: "optional",
  models: "optional",
  prices: "optional",
  budgets: "optional",
  limits: "optional",
  policies: "optional",
} as const;

export function parseConfiguration(text: string, input: { fileName: string; resolve: Resolve }): Parsed {
  const list = new IssueList(limits.configurationIssuesMax);
  const source = readYaml(text, list);
  const configuration = source && readRoot({ issues: list, source, resolve: input.resolve });
  if (configuration && list.isEmpty) return { outcome: "configuration", configuration };
  const issues = list.sorted();
  return { outcome: "invalid", issues, report: issues.map((issue) => formatIssue(input.fileName, issue)).join("\n") };
}

function readRoot(reading: Reading): Configuration | undefined {
  const { root } = reading.source;
  const file = { node: root, path: "", at: reading.source.placeOf(root) };
  const read = mappingOf(reading, file, sections);
  if (!read) return undefined;
  if (read.version) readVersion(reading, read.version);
  const section = <T>(
    at: Found | undefined,
    readItem: (item: Found, taken: Map<string, Place>) => T | undefined,
  ): T[] => {
    const taken = new Map<string, Place>();
    return at ? listOf(reading, at, (_, item) => readItem(item, taken)) : [];
  };
  const groups = section(read.toolGroups, (item, taken) => readToolGroup(reading, item, taken));
  const toolGroups = namesOf(groups);
  const customers = section(read.customers, (item, taken) => readCustomer(reading, item, { taken, toolGroups }));
  const ofCustomers = { toolGroups, customers: namesOf(customers) };
  const teams = section(read.teams, (item, taken) => readMember(reading, item, { taken, ...ofCustomers }));
  const users = section(read.users, (item, taken) => readMember(reading, item, { taken, ...ofCustomers }));
  const neighbours: Omit<KeyNeighbours, "taken"> = {
    teams: namesOf(teams),
    users: namesOf(users),
    toolGroups,
    secretIds: new Map(),
  };
  const providers = section(read.providers, (item, taken) => readProvider(reading, item, taken));
  const ofProviders = { providers: namesOf(providers) };
  const priced = section(read.prices, (item, taken) => readPrice(reading, item, { ...ofProviders, taken }));
  const keys = section(read.keys, (item, taken) => readKey(reading, item, { ...neighbours, taken }));
  const named = { customer: namesOf(customers), team: namesOf(teams), user: namesOf(users), key: namesOf(keys) };
  const servers = section(read.servers, (item, taken) => readServer(reading, item, taken));
  const covered = { ...ofProviders, teams: neighbours.teams, servers: namesOf(servers) };
  return {
    toolGroups: groups,
    customers,
    teams,
    users,
    keys,
    servers,
    environments: section(read.environments, (item, taken) => readEnvironment(reading, item, taken)),
    providers,
    modelAliases: section(read.models, (item, taken) => readModelAlias(reading, item, { ...ofProviders, taken })),
    prices: priced.filter((price) => "model" in price),
    toolPrices: priced.filter((price) => "tool" in price),
    budgets: section(read.budgets, (item, taken) => readBudget(reading, item, { ...named, taken })),
    limits: section(read.limits, (item, taken) => readLimit(reading, item, { ...named, taken })),
    policies: section(read.policies, (item, taken) => readPolicy(reading, item, { ...covered, taken })),
  };
}

function namesOf(section: readonly { name: string }[]): ReadonlySet<string> {
  return new Set(section.map(({ name }) => name));
}

function readVersion(reading: Reading, at: Found): void {
  const version = integerOf(reading, at, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (version !== undefined && version !== 1)
    reading.issues.add(at, "is not a version of the format that is known here; write 1");
}
