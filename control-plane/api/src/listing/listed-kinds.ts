// Every kind of resource that the API lists or shows, each with its projection. What is not here has no rows.

import { adminTokens } from "../admin-tokens/admin-token.projection.ts";
import { customers } from "../customers/customer.projection.ts";
import { environments } from "../environments/environment.projection.ts";
import { joinTokens } from "../join-tokens/join-token.projection.ts";
import { keys } from "../keys/key.projection.ts";
import { budgetThresholds } from "../ledger/budget-threshold.projection.ts";
import { writeOffs } from "../ledger/write-off.projection.ts";
import { modelAliases } from "../model-aliases/model-alias.projection.ts";
import { policies } from "../policies/policy.projection.ts";
import { priceLists } from "../price-lists/price-list.projection.ts";
import { providers } from "../providers/provider.projection.ts";
import { enrolledProxies } from "../proxies/proxy.projection.ts";
import { budgets, limits } from "../quotas/quota.projection.ts";
import { secrets } from "../secrets/secret.projection.ts";
import { servers } from "../servers/server.projection.ts";
import { teams } from "../teams/team.projection.ts";
import { toolGroups } from "../tool-groups/tool-group.projection.ts";
import { users } from "../users/user.projection.ts";

export const listedKinds = [
  ...[customers, teams, users, toolGroups, keys, servers, providers, modelAliases, priceLists, secrets, environments],
  ...[adminTokens, joinTokens, enrolledProxies, budgets, limits, policies, writeOffs, budgetThresholds],
];
