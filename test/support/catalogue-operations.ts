// What an admin sees of servers and does about it, as tests need it: health, listing and tools of a server with their
// differences, approvals, tool groups, changed servers. Answers come as the API gives them, refusals included; whoever takes
// one for a success says so with `mustSucceed`.

import type { AdminClient } from "./admin-client.ts";

export interface SeenTool {
  readonly name: string;
  readonly sha256: string;
  readonly firstSeen: string;
  readonly changedAt: string;
  readonly previousSha256: string | null;
  readonly isApproved: boolean;
  readonly definition: string | null;
  readonly difference: {
    readonly isWhole: boolean;
    readonly changes: readonly { path: string; before: string | null; after: string | null }[];
  } | null;
}

export interface SeenServer {
  readonly health: readonly { proxyId: string; state: string; reason: string; since: string; era: string | null }[];
  readonly listing: {
    readonly lastChange: string;
    readonly era: string | null;
    readonly protocolVersion: string;
    readonly name: string;
  } | null;
  readonly tools: { readonly nodes: readonly SeenTool[] };
  readonly pendingTools: { readonly nodes: readonly SeenTool[] };
}

export interface Outcome {
  readonly __typename: string;
  readonly message?: string;
  readonly position?: string;
}

const toolFields = `nodes { name sha256 firstSeen changedAt previousSha256 isApproved definition
  difference { isWhole changes { path before after } } }`;

export async function readServer(admin: AdminClient, id: string): Promise<SeenServer> {
  const { server } = await admin.run<{ server: SeenServer | null }>(
    `query ($id: ID!) { server(id: $id) {
       health { proxyId state reason since era } listing { lastChange era protocolVersion name }
       tools(first: 100) { ${toolFields} } pendingTools(first: 100) { ${toolFields} } } }`,
    { id },
  );
  if (server === null) throw new Error(`there is no server ${id}`);
  return server;
}

export function toolNamed(tools: { readonly nodes: readonly SeenTool[] }, name: string): SeenTool {
  const found = tools.nodes.find((tool) => tool.name === name);
  if (!found) throw new Error(`no tool ${name} among ${tools.nodes.map((tool) => tool.name).join(", ")}`);
  return found;
}

async function mutate(admin: AdminClient, field: string, type: string, input: object): Promise<Outcome> {
  const success = `${field[0]?.toUpperCase()}${field.slice(1)}Succeeded`;
  const answer = await admin.run<{ [field: string]: Outcome }>(
    `mutation ($input: ${type}!) { ${field}(input: $input) {
       __typename ... on ${success} { position } ... on Refusal { message } } }`,
    { input },
  );
  const outcome = answer[field];
  if (!outcome) throw new Error(`no answer to ${field}`);
  return outcome;
}

export function approveTools(
  admin: AdminClient,
  serverId: string,
  tools: readonly { name: string; sha256: string }[],
): Promise<Outcome> {
  const named = tools.map(({ name, sha256 }) => ({ name, sha256 }));
  return mutate(admin, "approveTools", "ApproveToolsInput", { serverId, tools: named });
}

export function withdrawToolApproval(admin: AdminClient, serverId: string, name: string): Promise<Outcome> {
  return mutate(admin, "withdrawToolApproval", "WithdrawToolApprovalInput", { serverId, name });
}

export function changeServer(admin: AdminClient, input: { id: string; url?: string }): Promise<Outcome> {
  return mutate(admin, "changeServer", "ChangeServerInput", input);
}

export function changeTeam(
  admin: AdminClient,
  input: { id: string; tools?: readonly string[]; toolGroups?: readonly string[] },
): Promise<Outcome> {
  return mutate(admin, "changeTeam", "ChangeTeamInput", input);
}

export interface GroupSettings {
  readonly tools?: readonly string[];
  readonly naming?: "AUTO" | "ALWAYS" | "NONE";
  readonly eras?: readonly ("LEGACY" | "MODERN")[];
}

export async function createToolGroup(
  admin: AdminClient,
  input: GroupSettings & { name: string; tools: readonly string[] },
): Promise<{ id: string }> {
  type Created = Outcome & { toolGroup?: { id: string } };
  const { createToolGroup: answer } = await admin.run<{ createToolGroup: Created }>(
    `mutation ($input: CreateToolGroupInput!) { createToolGroup(input: $input) {
       __typename ... on CreateToolGroupSucceeded { toolGroup { id } } ... on Refusal { message } } }`,
    { input },
  );
  if (!answer.toolGroup) throw new Error(`refused as ${answer.__typename}: ${answer.message ?? ""}`);
  return answer.toolGroup;
}

export function changeToolGroup(admin: AdminClient, input: GroupSettings & { id: string }): Promise<Outcome> {
  return mutate(admin, "changeToolGroup", "ChangeToolGroupInput", input);
}

export async function mustSucceed(outcome: Promise<Outcome>): Promise<void> {
  const { __typename: name, message } = await outcome;
  if (!name.endsWith("Succeeded")) throw new Error(`refused as ${name}: ${message ?? ""}`);
}
