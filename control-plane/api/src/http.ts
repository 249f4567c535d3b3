// The HTTP side of the control plane: Nest with the GraphQL module on the control port, health beside it, health and
// metrics on the admin port. It does not start while a field of the API lacks its permission. It leaves as a proxy does: it
// says that it is not ready and serves on, then accepts nothing new and answers what is under way.

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { NestFactory } from "@nestjs/core";
import { GraphQLSchemaHost } from "@nestjs/graphql";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { limits } from "@tollgate/kernel/limits";
import { checkPermissions, permissionTable } from "./access/permissions.ts";
import { AppModule } from "./app.module.ts";
import type { Config } from "./config.ts";
import { createDeparture } from "./departure.ts";
import { frontDoor, unreadableBody } from "./front-door.ts";
import { answerHealth, createHealthServer } from "./health/health-server.ts";
import type { Health } from "./health/health.ts";
import { nestLogger } from "./log-output.ts";
import type { Plane } from "./plane.ts";

export type HttpParts = { config: Pick<Config, "host" | "controlPort" | "adminPort">; plane: Plane; health: Health };

export type Http = {
  url: string;
  adminUrl: string;
  /** Not ready from now on; everything is served as before. */
  leave(): void;
  close(): Promise<void>;
};

/** A whole configuration file, as a JSON string, and the query around it. */
const bodyBytesMax = 2 * limits.configurationBytesMax;

export async function startHttp({ config, plane, health }: HttpParts): Promise<Http> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.on(plane), {
    logger: nestLogger(plane.log),
    bodyParser: false,
    abortOnError: false,
  });
  app.disable("x-powered-by");
  const server: Server = app.getHttpServer();
  const departure = createDeparture(server);
  app.use(departure.see);
  app.use(
    (request: Parameters<typeof answerHealth>[1], response: Parameters<typeof answerHealth>[2], next: () => void) => {
      if (!answerHealth(health, request, response)) next();
    },
  );
  app.use(frontDoor);
  app.useBodyParser("json", { limit: bodyBytesMax });
  app.use(unreadableBody);
  await app.init();
  checkPermissions(app.get(GraphQLSchemaHost).schema, permissionTable);
  const admin = createHealthServer(health);
  try {
    const [port, adminPort] = [
      await listen(server, config.host, config.controlPort),
      await listen(admin, config.host, config.adminPort),
    ];
    const leave = (): void => {
      health.leave();
      departure.leave();
    };
    return {
      url: urlOf(config.host, port),
      adminUrl: urlOf(config.host, adminPort),
      leave,
      async close() {
        leave();
        admin.close();
        admin.closeAllConnections();
        await departure.close();
        await app.close();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? `port ${port} is in use` : error.message;
      reject(new Error(`${reason} (on ${host})`, { cause: error }));
    });
    server.listen(port, host, () => {
      const address: AddressInfo | string | null = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
