// Approving tools as they were seen: an event each, in one commit. What is approved is compared with what was seen last in the
// transaction that appends, so that nobody approves what took its place in between.

import type { Database, Sql } from "../database.ts";
import { handleAll, type AnyStep, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { invalidInput, type InvalidInput, type NotFound, type ToolChanged } from "../refusals.ts";
import { toolApprovalDecider, toolApprovalId } from "./tool-approval.decider.ts";

export type SeenTool = { name: string; sha256: string };
export type Approved =
  { outcome: "accepted"; position: bigint } | { outcome: "refused"; refusal: InvalidInput | NotFound | ToolChanged };

const toolsMax = 500;

class Refused extends Error {
  readonly refusal: NotFound | ToolChanged;

  constructor(refusal: Refused["refusal"]) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

export async function approveTools(
  database: Database,
  meta: Meta,
  { serverId, tools, answer }: { serverId: string; tools: readonly SeenTool[]; answer: () => AnswerBody },
): Promise<Approved> {
  const problem = toolsProblem(tools);
  if (problem) return { outcome: "refused", refusal: problem };
  const steps = tools.map(({ name, sha256 }): AnyStep => {
    const id = toolApprovalId(serverId, name);
    const command = { kind: "approve", id, serverId, name, definitionSha256: Buffer.from(sha256, "hex") };
    return { decider: toolApprovalDecider, id, command };
  });
  try {
    const done = await handleAll(database, steps, meta, { within: (sql) => mustBeSeen(sql, serverId, tools), answer });
    if (done.outcome === "accepted") return { outcome: "accepted", position: done.position };
    // The one decider of these steps refuses names and hashes only.
    return { outcome: "refused", refusal: done.refusal as InvalidInput };
  } catch (error) {
    if (error instanceof Refused) return { outcome: "refused", refusal: error.refusal };
    throw error;
  }
}

function toolsProblem(tools: readonly SeenTool[]): InvalidInput | undefined {
  if (tools.length === 0 || tools.length > toolsMax) return invalidInput("tools", `is not a list of 1 to ${toolsMax}`);
  if (new Set(tools.map(({ name }) => name)).size < tools.length) return invalidInput("tools", "has a tool twice");
  const index = tools.findIndex(({ sha256 }) => !/^[0-9a-f]{64}$/.test(sha256));
  return index < 0 ? undefined : invalidInput(`tools[${index}].sha256`, "is not a SHA-256 in hexadecimal");
}

async function mustBeSeen(sql: Sql, serverId: string, tools: readonly SeenTool[]): Promise<void> {
  const server = await sql.query("SELECT 1 FROM log.name WHERE stream = 'server/' || $1 FOR KEY SHARE", [serverId]);
  if (server.length === 0) throw new Refused({ kind: "not-found", scope: `server/${serverId}` });
  const rows = await sql.query<SeenTool>(
    `SELECT name, encode(sha256, 'hex') AS sha256 FROM catalogue.entry
     WHERE server_id = $1 AND kind = 'tool' AND gone_at IS NULL AND name = ANY ($2::text[]) ORDER BY name FOR SHARE`,
    [serverId, tools.map(({ name }) => name)],
  );
  const seen = new Map(rows.map(({ name, sha256 }) => [name, sha256]));
  for (const { name, sha256 } of tools)
    if (seen.get(name) !== sha256) throw new Refused({ kind: "tool-changed", name, sha256: seen.get(name) });
}
