// Which tools of a request the provider runs itself: the model then reads their results, which are in no body. All others are
// run by the client, which sends their results with its next request. Types carry a date behind their name at one provider.

import { BudgetFeature } from "@tollgate/schema/resources";

const serverTools: readonly (readonly [prefix: string, feature: BudgetFeature])[] = [
  ["web_search", BudgetFeature.WEB_SEARCH],
  ["web_fetch", BudgetFeature.WEB_FETCH],
  ["code_execution", BudgetFeature.CODE_EXECUTION],
  ["code_interpreter", BudgetFeature.CODE_EXECUTION],
  ["file_search", BudgetFeature.FILE_SEARCH],
  ["mcp", BudgetFeature.MCP],
  ["image_generation", BudgetFeature.IMAGE_GENERATION],
  ["advisor", BudgetFeature.ADVISOR],
];

/** All that there are: where more tools are listed than anybody reads. */
export const anyFeature: readonly BudgetFeature[] = [...new Set(serverTools.map(([, feature]) => feature))];

/** As budgets call it; undefined for a tool that the client runs. */
export function serverFeatureOf(type: string): BudgetFeature | undefined {
  return serverTools.find(([prefix]) => type.startsWith(prefix))?.[1];
}
