// The GraphQL door: which features there are, what every request passes (authentication, the permission table, size
// limits), and how errors leave. Built for one plane, as a function, because what the features stand on is a value and not
// a provider that Nest would make. It starts no server.

import { fileURLToPath } from "node:url";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ApolloServerPlugin } from "@apollo/server";
import { ApolloDriver, type ApolloDriverConfig } from "@nestjs/apollo";
import { Global, Module, type DynamicModule } from "@nestjs/common";
import { APP_GUARD } from "@nestjs/core";
import { GraphQLModule } from "@nestjs/graphql";
import { validate } from "graphql";
import { authenticate } from "./access/authenticate.ts";
import { introspectionRule, PermissionGuard } from "./access/permission.guard.ts";
import type { RequestContext } from "./access/request-context.ts";
import { AdminTokensModule } from "./admin-tokens/admin-tokens.module.ts";
import { CallsModule } from "./calls/calls.module.ts";
import { CatalogueModule } from "./catalogue/catalogue.module.ts";
import { ConfigurationModule } from "./configuration/configuration.module.ts";
import { CustomersModule } from "./customers/customers.module.ts";
import { EnvironmentsModule } from "./environments/environments.module.ts";
import { FleetModule } from "./fleet/fleet.module.ts";
import { errorFormatter } from "./graphql/errors.ts";
import { queryLimits, tokensMax } from "./graphql/query-limits.ts";
import { scalars } from "./graphql/scalars.ts";
import { ImportsModule } from "./imports/imports.module.ts";
import { JoinTokensModule } from "./join-tokens/join-tokens.module.ts";
import { KeysModule } from "./keys/keys.module.ts";
import { LedgerModule } from "./ledger/ledger.module.ts";
import { HeadModule } from "./log/head.module.ts";
import { ModelAliasesModule } from "./model-aliases/model-aliases.module.ts";
import { ModelCallsModule } from "./model-calls/model-calls.module.ts";
import { PLANE, type Plane } from "./plane.ts";
import { PoliciesModule } from "./policies/policies.module.ts";
import { PriceListsModule } from "./price-lists/price-lists.module.ts";
import { ProvidersModule } from "./providers/providers.module.ts";
import { ProxiesModule } from "./proxies/proxies.module.ts";
import { QuotasModule } from "./quotas/quotas.module.ts";
import { answeringRepeats } from "./repeats/answer-once.ts";
import { SecretsModule } from "./secrets/secrets.module.ts";
import { ServersModule } from "./servers/servers.module.ts";
import { TeamsModule } from "./teams/teams.module.ts";
import { ToolApprovalsModule } from "./tool-approvals/tool-approvals.module.ts";
import { ToolGroupsModule } from "./tool-groups/tool-groups.module.ts";
import { UsersModule } from "./users/users.module.ts";

const schemaFile = fileURLToPath(import.meta.resolve("@tollgate/schema/admin.graphql"));

@Global()
@Module({})
class PlaneModule {}

@Module({})
export class AppModule {
  static on(plane: Plane): DynamicModule {
    return {
      module: AppModule,
      imports: [
        { module: PlaneModule, providers: [{ provide: PLANE, useValue: plane }], exports: [PLANE] },
        graphQlOn(plane),
        CustomersModule,
        TeamsModule,
        UsersModule,
        ToolGroupsModule,
        KeysModule,
        ServersModule,
        CatalogueModule,
        ToolApprovalsModule,
        ProvidersModule,
        ModelAliasesModule,
        PriceListsModule,
        PoliciesModule,
        SecretsModule,
        AdminTokensModule,
        JoinTokensModule,
        ProxiesModule,
        ConfigurationModule,
        ImportsModule,
        EnvironmentsModule,
        FleetModule,
        CallsModule,
        ModelCallsModule,
        HeadModule,
        QuotasModule,
        LedgerModule,
      ],
      providers: [{ provide: APP_GUARD, useClass: PermissionGuard }],
    };
  }
}

function graphQlOn(plane: Plane): DynamicModule {
  return GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    path: "/graphql",
    typePaths: [schemaFile],
    resolvers: scalars,
    // Fields below the root that have a resolver are guarded like the root's.
    fieldResolverEnhancers: ["guards"],
    transformSchema: (schema) => answeringRepeats(plane, schema),
    // Whoever has no token is refused before anything of his query is looked at, introspection included.
    context: ({ req }: { req: IncomingMessage }) =>
      authenticate(plane.database.sql, req.headers.authorization, {
        requestId: randomUUID(),
        nowMs: plane.nowMs(),
        isForced: req.headers["x-tollgate-force"] === "true",
      }),
    playground: false,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    parseOptions: { maxTokens: tokensMax },
    validationRules: [queryLimits],
    plugins: [introspectionByPermission],
    formatError: errorFormatter((error) => plane.log.error({ err: error }, "a request met a bug")),
  });
}

const introspectionByPermission: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation: ({ schema, document, contextValue }) => {
        const [problem] = validate(schema, document, [introspectionRule(contextValue)]);
        return problem ? Promise.reject(problem.originalError ?? problem) : Promise.resolve();
      },
    }),
};
