// Tool groups as a part of the admin API.

import { Module } from "@nestjs/common";
import { ToolGroupResolver } from "./tool-group.resolver.ts";

@Module({ providers: [ToolGroupResolver] })
export class ToolGroupsModule {}
