// The difference between a file and what there is, as a plan that people read and as the steps of one commit. Pure: what
// there is, the clock and randomness are arguments. The order of the steps is what makes the names work out: what gives a
// name back stands before what takes it, and what is referred to before what refers.

import type { Issue } from "@tollgate/kernel/configuration/issue";
import type { AnyStep } from "../log/handle.ts";
import { eraseSteps, storeSteps } from "../secrets/secret-changes.ts";
import { planCustomers, planTeams, planUsers } from "./plan-bounds.ts";
import { planEnvironments } from "./plan-environments.ts";
import { planKeys } from "./plan-keys.ts";
import { planModels } from "./plan-models.ts";
import { planPolicies } from "./plan-policies.ts";
import { planPrices } from "./plan-prices.ts";
import { planProviders } from "./plan-providers.ts";
import { planBudgets, planLimits, type IdsOf } from "./plan-quotas.ts";
import { planServers } from "./plan-servers.ts";
import { planToolGroups } from "./plan-tool-groups.ts";
import type { Plan, PlannedStep, Planning } from "./planning.ts";

export function planConfiguration(input: Omit<Planning, "issues">): Plan | { issues: Issue[] } {
  const planning = { ...input, issues: [] };
  const toolGroups = planToolGroups(planning);
  const customers = planCustomers(planning, toolGroups.idsOf);
  const references = { groupIds: toolGroups.idsOf, customerId: customers.idOf };
  const teams = planTeams(planning, references);
  const users = planUsers(planning, references);
  const keys = planKeys(planning, { teams, users, groupIds: toolGroups.idsOf });
  const servers = planServers(planning);
  const providers = planProviders(planning);
  const aliases = planModels(planning, providers.idOf);
  const prices = planPrices(planning);
  const environments = planEnvironments(planning);
  const idsOf: IdsOf = {
    ...{ customer: customers.idOf, team: teams.idOf, user: users.idOf },
    key: (name) => keys.ids.get(name),
  };
  const budgets = planBudgets(planning, idsOf);
  const limits = planLimits(planning, idsOf);
  const ids = { server: servers.idOf, provider: providers.idOf, team: teams.idOf };
  const policies = planPolicies(planning, ids);
  if (planning.issues.length > 0) return { issues: planning.issues };
  const secrets = {
    stores: [...servers.secrets.stores, ...providers.secrets.stores],
    erasures: [...servers.secrets.erasures, ...providers.secrets.erasures],
  };
  const unplaced = (step: AnyStep): PlannedStep => ({ step, place: undefined });
  return {
    items: [
      ...[...toolGroups.items, ...customers.items, ...teams.items, ...users.items, ...keys.items, ...servers.items],
      ...[...providers.items, ...aliases.items, ...prices.items, ...environments.items],
      ...[...budgets.items, ...limits.items, ...budgets.retired, ...limits.retired],
      ...[...policies.items, ...policies.retired],
      ...[...keys.retired, ...servers.retired, ...aliases.retired, ...providers.retired],
      ...[...teams.retired, ...users.retired, ...customers.retired, ...toolGroups.retired, ...environments.retired],
    ],
    steps: [
      ...toolGroups.changes,
      ...customers.changes,
      ...teams.changes,
      ...users.changes,
      ...keys.revokes,
      ...keys.changes,
      ...storeSteps(secrets).map(unplaced),
      ...servers.changes,
      ...providers.changes,
      ...policies.changes,
      ...policies.retires,
      ...servers.retires,
      ...aliases.changes,
      ...aliases.retires,
      ...providers.retires,
      ...prices.changes,
      ...eraseSteps(secrets).map(unplaced),
      ...budgets.changes,
      ...budgets.retires,
      ...limits.changes,
      ...limits.retires,
      ...teams.retires,
      ...users.retires,
      ...customers.retires,
      ...toolGroups.retires,
      ...environments.changes,
      ...environments.retires,
    ],
    secrets,
    issued: keys.issued,
  };
}
