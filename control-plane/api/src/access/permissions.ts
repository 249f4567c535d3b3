// The one permission table: what each field of the admin API needs that has a resolver, the root's and those that lead from
// one resource to another. Deny by default: a field that is not here is refused, and the control plane does not start while
// the table and the resolvers differ (`checkPermissions`). Roles are sets of
// permissions; so far every admin token has the role `owner`. Users' roles will come in at `permissionsOf`.

import { isObjectType, type GraphQLSchema } from "graphql";

export const permissions = [
  "schema:read",
  "log:read",
  "customers:read",
  "customers:write",
  "teams:read",
  "teams:write",
  "users:read",
  "users:write",
  "keys:read",
  "keys:write",
  "servers:read",
  "servers:write",
  "servers:stdio",
  "tool-groups:read",
  "tool-groups:write",
  "tool-approvals:write",
  "providers:read",
  "providers:write",
  "model-aliases:read",
  "model-aliases:write",
  "policies:read",
  "policies:write",
  "prices:read",
  "prices:write",
  "secrets:read",
  "secrets:write",
  "admin-tokens:read",
  "admin-tokens:write",
  "environments:read",
  "environments:write",
  "join-tokens:read",
  "join-tokens:write",
  "fleet:read",
  "fleet:write",
  "calls:read",
  "configuration:write",
  "budgets:read",
  "budgets:write",
  "limits:read",
  "limits:write",
  "ledger:read",
  "ledger:write",
] as const;

export type Permission = (typeof permissions)[number];

export type PermissionTable = { readonly [field: string]: Permission };

export const permissionTable: PermissionTable = {
  "Query.__schema": "schema:read",
  "Query.__type": "schema:read",
  "Query.log": "log:read",
  "Query.customer": "customers:read",
  "Query.customers": "customers:read",
  "Query.user": "users:read",
  "Query.users": "users:read",
  "Query.team": "teams:read",
  "Query.key": "keys:read",
  "Query.server": "servers:read",
  "Query.teams": "teams:read",
  "Query.keys": "keys:read",
  "Query.servers": "servers:read",
  "Query.toolGroup": "tool-groups:read",
  "Query.toolGroups": "tool-groups:read",
  "Query.provider": "providers:read",
  "Query.providers": "providers:read",
  "Query.modelAlias": "model-aliases:read",
  "Query.modelAliases": "model-aliases:read",
  "Query.policy": "policies:read",
  "Query.policies": "policies:read",
  "Query.dryRun": "configuration:write",
  "Query.explainCall": "policies:read",
  "Query.priceList": "prices:read",
  "Query.shippedPriceList": "prices:read",
  "Query.secrets": "secrets:read",
  "Query.adminTokens": "admin-tokens:read",
  "Query.environments": "environments:read",
  "Query.joinTokens": "join-tokens:read",
  "Query.enrolledProxies": "fleet:read",
  "Query.fleet": "fleet:read",
  "Query.calls": "calls:read",
  "Query.modelCalls": "calls:read",
  "Query.callUsage": "calls:read",
  "Query.modelUsage": "calls:read",
  "Query.providerHealth": "calls:read",
  "Query.factGaps": "calls:read",
  "Key.team": "teams:read",
  "Key.user": "users:read",
  "Key.toolGroups": "tool-groups:read",
  "Team.customer": "customers:read",
  "Team.toolGroups": "tool-groups:read",
  "Customer.toolGroups": "tool-groups:read",
  "User.customer": "customers:read",
  "User.toolGroups": "tool-groups:read",
  "Server.health": "servers:read",
  "Server.listing": "servers:read",
  "Server.tools": "servers:read",
  "Server.pendingTools": "servers:read",
  "Server.entries": "servers:read",
  "CatalogueEntry.definition": "servers:read",
  "CatalogueEntry.difference": "servers:read",
  "Call.modelCall": "calls:read",
  "ModelCall.toolCalls": "calls:read",
  "ModelTarget.provider": "providers:read",
  "Mutation.createCustomer": "customers:write",
  "Mutation.changeCustomer": "customers:write",
  "Mutation.retireCustomer": "customers:write",
  "Mutation.createUser": "users:write",
  "Mutation.changeUser": "users:write",
  "Mutation.retireUser": "users:write",
  "Mutation.createTeam": "teams:write",
  "Mutation.changeTeam": "teams:write",
  "Mutation.retireTeam": "teams:write",
  "Mutation.issueKey": "keys:write",
  "Mutation.changeKey": "keys:write",
  "Mutation.rotateKey": "keys:write",
  "Mutation.revokeKey": "keys:write",
  "Mutation.createToolGroup": "tool-groups:write",
  "Mutation.changeToolGroup": "tool-groups:write",
  "Mutation.retireToolGroup": "tool-groups:write",
  "Mutation.registerServer": "servers:write",
  "Mutation.changeServer": "servers:write",
  "Mutation.retireServer": "servers:write",
  "Mutation.importServers": "servers:write",
  "Mutation.approveTools": "tool-approvals:write",
  "Mutation.withdrawToolApproval": "tool-approvals:write",
  "Mutation.registerProvider": "providers:write",
  "Mutation.changeProvider": "providers:write",
  "Mutation.retireProvider": "providers:write",
  "Mutation.createModelAlias": "model-aliases:write",
  "Mutation.changeModelAlias": "model-aliases:write",
  "Mutation.retireModelAlias": "model-aliases:write",
  "Mutation.createPolicy": "policies:write",
  "Mutation.changePolicy": "policies:write",
  "Mutation.retirePolicy": "policies:write",
  "Mutation.setPrices": "prices:write",
  "Mutation.storeSecret": "secrets:write",
  "Mutation.eraseSecret": "secrets:write",
  "Mutation.issueAdminToken": "admin-tokens:write",
  "Mutation.revokeAdminToken": "admin-tokens:write",
  "Mutation.setEnvironment": "environments:write",
  "Mutation.retireEnvironment": "environments:write",
  "Mutation.issueJoinToken": "join-tokens:write",
  "Mutation.revokeJoinToken": "join-tokens:write",
  "Mutation.revokeProxy": "fleet:write",
  "Mutation.applyConfiguration": "configuration:write",
  "Query.budget": "budgets:read",
  "Query.budgets": "budgets:read",
  "Budget.usage": "budgets:read",
  "BudgetUsage.byChild": "budgets:read",
  "Budget.reached": "budgets:read",
  "Query.budgetThresholds": "budgets:read",
  "Query.limit": "limits:read",
  "Query.limits": "limits:read",
  "Mutation.createBudget": "budgets:write",
  "Mutation.changeBudget": "budgets:write",
  "Mutation.addBudgetOverride": "budgets:write",
  "Mutation.endBudgetOverride": "budgets:write",
  "Mutation.retireBudget": "budgets:write",
  "Mutation.createLimit": "limits:write",
  "Mutation.changeLimit": "limits:write",
  "Mutation.retireLimit": "limits:write",
  "Query.ledger": "ledger:read",
  "Query.ledgerProxies": "ledger:read",
  "Query.writeOffs": "ledger:read",
  "Mutation.writeOffProxy": "ledger:write",
};

/** What a command may do by its content, beside the field that it came by: asked where it is decided. */
export const contentPermissions = { runPrograms: "servers:stdio" } as const satisfies Record<string, Permission>;

export type Role = "owner";

export const rolePermissions: { readonly [R in Role]: ReadonlySet<Permission> } = {
  owner: new Set(permissions),
};

/** The library answers these itself, for anybody who may use the schema. */
const introspection: ReadonlySet<string> = new Set(["Query.__schema", "Query.__type"]);

/** Sentences that each name a field whose permission and resolver do not belong together; none when all is well. */
export function permissionProblems(schema: GraphQLSchema, table: PermissionTable): string[] {
  const resolved = new Map<string, boolean>();
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      const name = `${type.name}.${field.name}`;
      const isResolved = field.resolve !== undefined || field.subscribe !== undefined;
      // Other fields are members of what a resolver answered, and open with it.
      if (isResolved || roots.includes(type) || Object.hasOwn(table, name)) resolved.set(name, isResolved);
    }
  }
  const problems: string[] = [];
  for (const [field, isResolved] of resolved) {
    if (!Object.hasOwn(table, field)) problems.push(`${field} has no entry in the permission table.`);
    if (!isResolved) problems.push(`${field} has no resolver.`);
  }
  for (const field of Object.keys(table))
    if (!resolved.has(field) && !introspection.has(field))
      problems.push(`The permission table names ${field}, which the schema does not have.`);
  return problems;
}

export class PermissionProblem extends Error {}

export function checkPermissions(schema: GraphQLSchema, table: PermissionTable): void {
  const problems = permissionProblems(schema, table);
  if (problems.length > 0) throw new PermissionProblem(problems.join(" "));
}
