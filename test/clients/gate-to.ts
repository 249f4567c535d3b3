// A gate in this process for a real client: before it one key, behind it the servers that are given, by their names. The default
// endpoint `/mcp` shows tools under the names of their servers, `/mcp/plain` shows them as they are called. It ends with the
// scope. Nothing of it needs vitest, so that a soak can use it, too.
import { Era, ToolNaming } from "@tollgate/schema/resources";
import { group, key, server, startGate, team, viewWith } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";

export interface GateTo extends AsyncDisposable {
  /** Of the default endpoint. */
  readonly url: string;
  /** Of the endpoint without prefixes. */
  readonly plainUrl: string;
  /** The key in a header of the product's own. */
  readonly headers: Readonly<Record<string, string>>;
  /** The key for a client that has a place for a bearer token. */
  readonly bearer: string;
  /** In which eras clients have called so far. */
  eras(): Set<"legacy" | "modern" | "unknown">;
}

const eraNames = {
  [Era.LEGACY]: "legacy",
  [Era.MODERN]: "modern",
  [Era.UNSPECIFIED]: "unknown",
} as const satisfies Record<Era, string>;

export async function openGateTo(servers: Readonly<Record<string, string>>): Promise<GateTo> {
  const agent = key(["*/*"]);
  const behind = Object.entries(servers).map(([name, url]) => server(name, url));
  const plain = group("plain", { naming: ToolNaming.NONE });
  const gate = await startGate(viewWith([team(), agent.resource, ...behind, plain]));
  return {
    url: `${gate.url}/mcp`,
    plainUrl: `${gate.url}/mcp/plain`,
    headers: { "x-tollgate-key": agent.text },
    bearer: agent.text,
    eras: () => new Set(gate.intents.map(({ clientEra }) => eraNames[clientEra ?? Era.UNSPECIFIED])),
    [Symbol.asyncDispose]: () => gate.stop(),
  };
}
