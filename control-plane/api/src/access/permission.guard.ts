// Authorisation of every field that has a resolver, from the one table. Nest asks it before each resolver;
// introspection has no resolver of ours, so a validation rule asks the same question for it.

import { GraphQLError, type ASTVisitor, type ValidationContext } from "graphql";
import type { CanActivate, ExecutionContext } from "@nestjs/common";
import { GqlExecutionContext } from "@nestjs/graphql";
import type { GraphQLResolveInfo } from "graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { permissionTable } from "./permissions.ts";
import type { RequestContext } from "./request-context.ts";

export class PermissionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    // There are no other doors in Nest; one that is added must bring its own decision.
    if (context.getType<string>() !== "graphql") throw new TollgateError("auth.permission-denied");
    const graphql = GqlExecutionContext.create(context);
    const { parentType, fieldName } = graphql.getInfo<GraphQLResolveInfo>();
    demandPermission(graphql.getContext<RequestContext>(), `${parentType.name}.${fieldName}`);
    return true;
  }
}

export function demandPermission(context: RequestContext, field: string): void {
  const needed = Object.hasOwn(permissionTable, field) ? permissionTable[field] : undefined;
  if (needed === undefined || !context.permissions.has(needed)) throw new TollgateError("auth.permission-denied");
}

/** A rule for one request's context. */
export function introspectionRule(context: RequestContext): (validation: ValidationContext) => ASTVisitor {
  return (validation) => {
    return {
      Field(node) {
        const field = `Query.${node.name.value}`;
        if (node.name.value !== "__schema" && node.name.value !== "__type") return;
        try {
          demandPermission(context, field);
        } catch (error) {
          const originalError = error instanceof Error ? error : undefined;
          validation.reportError(new GraphQLError("refused", { nodes: [node], originalError: originalError ?? null }));
        }
      },
    };
  };
}
