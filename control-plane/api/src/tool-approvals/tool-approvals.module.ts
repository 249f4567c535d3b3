// Approvals of tools as a part of the admin API.

import { Module } from "@nestjs/common";
import { ToolApprovalResolver } from "./tool-approval.resolver.ts";

@Module({ providers: [ToolApprovalResolver] })
export class ToolApprovalsModule {}
