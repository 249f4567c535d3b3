// Tool groups for screens. Retired ones leave the list and stay readable by id.

import { ToolGroupSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const toolGroups = resourceKind("tool-group", ToolGroupSchema, {
  name: "tool_groups",
  version: 1,
  tables: resourceTables,
  on: {
    ToolGroupCreated: ({ toolGroup }) => stored(ToolGroupSchema, toolGroup),
    ToolGroupChanged: ({ toolGroup }) => stored(ToolGroupSchema, toolGroup),
    ToolGroupRetired: ({ toolGroup }) => stored(ToolGroupSchema, toolGroup, { isLive: false }),
  },
});
