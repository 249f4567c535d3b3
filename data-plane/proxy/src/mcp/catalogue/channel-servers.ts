// The servers that are reached over a channel, with all that it takes to open one: their secrets are values here. A server
// whose secrets are not at hand yet is left out until they are.

import { refuses } from "@tollgate/kernel/replica";
import type { View } from "@tollgate/kernel/view";
import { ServerTransport, type Server } from "@tollgate/schema/resources";
import type { ChannelServer } from "../../channels/registration.ts";
import type { SecretValues } from "../../upstream/secret-values.ts";
import { isolationOf } from "../upstream/peers.ts";

export function channelServers(view: View, secrets: Pick<SecretValues, "get">): ChannelServer[] {
  return [...view.serversByName.values()].flatMap((server) => {
    const transport = channelTransportOf(server);
    if (transport === undefined || refuses(view.replica, "server", server.id)) return [];
    const environment = valuesOf(server.environment, secrets);
    const headers = valuesOf(server.headers, secrets);
    if (environment === undefined || headers === undefined) return [];
    const { id, name, command, url, workingDirectory, allowPrivateNetwork } = server;
    return [
      {
        ...{ id, name, transport, command, environment, allowPrivateNetwork },
        workingDirectory: workingDirectory === "" ? undefined : workingDirectory,
        url: url === "" ? undefined : url,
        headers: [...headers].flat(),
        isolation: isolationOf(server) === "shared" ? "shared" : "session",
      },
    ];
  });
}

/** Undefined for a server that is spoken to directly. */
export function channelTransportOf({ transport }: Server): ChannelServer["transport"] | undefined {
  switch (transport) {
    case ServerTransport.STDIO:
      return "stdio";
    case ServerTransport.SSE:
      return "sse";
    case ServerTransport.STREAMABLE_HTTP:
    case ServerTransport.UNSPECIFIED:
      return undefined;
  }
}

type Named = { readonly name: string; readonly prefix: string; readonly secretId: string; readonly value?: string };

function valuesOf(named: readonly Named[], secrets: Pick<SecretValues, "get">): Map<string, string> | undefined {
  const values = new Map<string, string>();
  for (const { name, prefix, secretId, value = "" } of named) {
    const secret = secretId === "" ? value : secrets.get(secretId);
    if (secret === undefined) return undefined;
    values.set(name, prefix + secret);
  }
  return values;
}
