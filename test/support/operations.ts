// The few admin operations that most tests need, each failing loudly when it is refused, and a raw call of a tool through a
// proxy as an agent would make it. What a test is about it says itself; this is only the way there.

import type { AdminClient } from "./admin-client.ts";
import { mcpRequest } from "./mcp-request.ts";

export interface IssuedKey {
  readonly id: string;
  readonly secret: string;
  readonly position: string;
}

type Answer = { readonly __typename: string; readonly message?: string };

function succeeded<Success extends Answer>(answer: Answer, name: string): Success {
  if (answer.__typename !== name) throw new Error(`refused as ${answer.__typename}: ${answer.message ?? ""}`);
  // The name was just compared; the fields are those that the query below asks for.
  return answer as Success;
}

const refusal = "... on Refusal { message }";

export async function createTeam(admin: AdminClient, name: string): Promise<{ id: string }> {
  const { createTeam: answer } = await admin.run<{ createTeam: Answer }>(
    `mutation ($name: String!) { createTeam(input: { name: $name }) { __typename ... on CreateTeamSucceeded { team { id } } ${refusal} } }`,
    { name },
  );
  return succeeded<Answer & { team: { id: string } }>(answer, "CreateTeamSucceeded").team;
}

export async function issueKey(
  admin: AdminClient,
  input: {
    name: string;
    teamId: string;
    tools?: readonly string[];
    toolGroups?: readonly string[];
    models?: readonly string[];
  },
): Promise<IssuedKey> {
  const { issueKey: answer } = await admin.run<{ issueKey: Answer }>(
    `mutation ($input: IssueKeyInput!) { issueKey(input: $input) {
       __typename ... on IssueKeySucceeded { key { id } secret position } ${refusal} } }`,
    { input: { tools: ["*/*"], ...input } },
  );
  const { key, secret, position } = succeeded<Answer & { key: { id: string }; secret: string; position: string }>(
    answer,
    "IssueKeySucceeded",
  );
  return { id: key.id, secret, position };
}

export async function revokeKey(admin: AdminClient, id: string): Promise<{ position: string }> {
  const { revokeKey: answer } = await admin.run<{ revokeKey: Answer }>(
    `mutation ($id: ID!) { revokeKey(id: $id) { __typename ... on RevokeKeySucceeded { position } ${refusal} } }`,
    { id },
  );
  return succeeded<Answer & { position: string }>(answer, "RevokeKeySucceeded");
}

export async function issueJoinToken(
  admin: AdminClient,
  input: { name: string; usesMax?: number; environment?: string },
): Promise<string> {
  const { issueJoinToken: answer } = await admin.run<{ issueJoinToken: Answer }>(
    `mutation ($input: IssueJoinTokenInput!) { issueJoinToken(input: $input) {
       __typename ... on IssueJoinTokenSucceeded { secret } ${refusal} } }`,
    { input },
  );
  return succeeded<Answer & { secret: string }>(answer, "IssueJoinTokenSucceeded").secret;
}

export async function revokeProxy(admin: AdminClient, id: string): Promise<{ position: string }> {
  const { revokeProxy: answer } = await admin.run<{ revokeProxy: Answer }>(
    `mutation ($id: ID!) { revokeProxy(id: $id) { __typename ... on RevokeProxySucceeded { position } ${refusal} } }`,
    { id },
  );
  return succeeded<Answer & { position: string }>(answer, "RevokeProxySucceeded");
}

export interface ServerInput {
  readonly name: string;
  readonly url?: string;
  readonly transport?: "STREAMABLE_HTTP" | "SSE" | "STDIO";
  readonly command?: readonly string[];
  readonly workingDirectory?: string;
  readonly environment?: readonly { name: string; prefix?: string; value: string }[];
  readonly isolation?: "SHARED" | "SESSION" | "PRINCIPAL";
  readonly catalogue?: "AUTO" | "PINNED";
  readonly headers?: readonly { name: string; prefix?: string; value: string }[];
  readonly timeoutSeconds?: number;
}

export async function registerServer(
  admin: AdminClient,
  input: ServerInput,
): Promise<{ id: string; position: string }> {
  const { registerServer: answer } = await admin.run<{ registerServer: Answer }>(
    `mutation ($input: RegisterServerInput!) { registerServer(input: $input) {
       __typename ... on RegisterServerSucceeded { server { id } position } ${refusal} } }`,
    { input: { allowPrivateNetwork: input.transport !== "STDIO", ...input } },
  );
  const { server, position } = succeeded<Answer & { server: { id: string }; position: string }>(
    answer,
    "RegisterServerSucceeded",
  );
  return { id: server.id, position };
}

export async function createToolGroup(
  admin: AdminClient,
  input: { name: string; tools: readonly string[]; naming?: "AUTO" | "ALWAYS" | "NONE" },
): Promise<{ id: string }> {
  const { createToolGroup: answer } = await admin.run<{ createToolGroup: Answer }>(
    `mutation ($input: CreateToolGroupInput!) { createToolGroup(input: $input) {
       __typename ... on CreateToolGroupSucceeded { toolGroup { id } } ${refusal} } }`,
    { input },
  );
  return succeeded<Answer & { toolGroup: { id: string } }>(answer, "CreateToolGroupSucceeded").toolGroup;
}

export interface FleetMember {
  readonly id: string;
  readonly source: string;
  readonly applied: string;
  readonly ageMs: string | null;
  readonly isContested: boolean;
  readonly digests: readonly { kind: string; resources: string; digest: string }[];
}

export async function readFleet(admin: AdminClient): Promise<FleetMember[]> {
  const { fleet } = await admin.run<{ fleet: { edges: { node: FleetMember }[] } }>(
    "{ fleet { edges { node { id source applied ageMs isContested digests { kind resources digest } } } } }",
  );
  return fleet.edges.map(({ node }) => node);
}

/** What the fleet says that it cannot enforce. */
export async function readNackedScopes(admin: AdminClient): Promise<string[]> {
  type Fleet = { fleet: { edges: { node: { nacks: { scope: string }[] } }[] } };
  const { fleet } = await admin.run<Fleet>("{ fleet { edges { node { nacks { scope } } } } }");
  return fleet.edges.flatMap(({ node }) => node.nacks.map(({ scope }) => scope));
}

export interface CallRow {
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string | null;
  readonly server: string | null;
  readonly tool: string | null;
  readonly outcome: string;
  readonly code: string | null;
}

/** Every call that the filter takes, page after page. */
export async function readCalls(
  admin: AdminClient,
  filter: { keyId?: string; outcome?: string } = {},
): Promise<CallRow[]> {
  const rows: CallRow[] = [];
  let after: string | null = null;
  do {
    const {
      calls,
    }: { calls: { edges: { node: CallRow }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } =
      await admin.run(
        `query ($after: String, $filter: CallFilter) {
           calls(first: 500, after: $after, filter: $filter) {
             edges { node { id requestId keyId server tool outcome code } } pageInfo { hasNextPage endCursor } } }`,
        { after, filter },
      );
    rows.push(...calls.edges.map(({ node }) => node));
    after = calls.pageInfo.hasNextPage ? calls.pageInfo.endCursor : null;
  } while (after !== null);
  return rows;
}

export interface ToolAnswer {
  readonly status: number;
  /** The tool ran: an MCP refusal is a 200, too. */
  readonly hasResult: boolean;
  readonly body: string;
  readonly requestId: string | null;
}

export async function callTool(proxyUrl: string, key: string, tool: string, args: unknown = {}): Promise<ToolAnswer> {
  const { headers, body: sent } = mcpRequest("tools/call", { name: tool, arguments: args });
  const authorization = `Bearer ${key}`;
  let response = await fetch(`${proxyUrl}/mcp`, { method: "POST", headers: { ...headers, authorization }, body: sent });
  let body = await response.text();
  // A proxy of a version before 2026-07-28 was served does not know it, and does not ask for sessions.
  if (response.status === 400 && body.includes("`mcp-protocol-version`")) {
    const former = { "content-type": "application/json", authorization };
    response = await fetch(`${proxyUrl}/mcp`, { method: "POST", headers: former, body: sent });
    body = await response.text();
  }
  return {
    status: response.status,
    hasResult: response.status === 200 && body.includes('"result"'),
    body,
    requestId: response.headers.get("x-tollgate-request-id"),
  };
}
