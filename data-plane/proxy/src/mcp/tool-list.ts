// The tools of one server, and the list that a client gets of all that its key reaches. A tool's bytes go out as the server
// sent them but for its name. A server that is slow, dead, too large or talks nonsense is left out, and whoever asked is told
// why; its tools appear in a later list. Two tools that come to one name are both left out.

import type { Server } from "@tollgate/schema/resources";
import { TollgateError } from "@tollgate/kernel/errors";
import { reachableServer, reachesServer, type Principal, type View } from "@tollgate/kernel/view";
import type { Meter } from "../upstream/exchange.ts";
import { failureOf } from "../upstream/failure.ts";
import { tooLarge, type ListLimits } from "./list-bounds.ts";
import { memberFinder, MemberRefusal, valueOf, visitElements, type Span } from "./wire/members.ts";
import { splice } from "./wire/envelope.ts";
import { exposedName } from "./tool-names.ts";
import type { UpstreamSessions } from "./upstream-session.ts";

export type ListedTool = {
  /** The server's own name for it. */
  readonly tool: string;
  readonly exposed: string;
  /** The tool's object with the exposed name in it. */
  readonly bytes: Buffer;
};

const findPage = memberFinder(["result.tools", "result.nextCursor"]);
const findTool = memberFinder(["name"]);

/** `meter` counts the bytes of all pages. */
export async function listTools(
  server: Server,
  sessions: UpstreamSessions,
  limits: ListLimits,
  meter: Meter,
): Promise<readonly ListedTool[]> {
  const deadline = performance.now() + limits.listTimeoutMs;
  const byName = new Map<string, ListedTool | undefined>();
  let tools = 0;
  const add = (answer: Buffer, span: Span) => {
    if (++tools > limits.listServerToolsMax) throw tooLarge(`${limits.listServerToolsMax} tools`);
    const tool = readTool(server, answer, span);
    // A name that comes twice keeps its place, empty.
    if (tool !== undefined) byName.set(tool.exposed, byName.has(tool.exposed) ? undefined : tool);
  };
  let params: { cursor?: string } = {};
  for (let page = 1; page <= limits.listServerPagesMax; page++) {
    const bounds = { timeoutMs: Math.max(1, deadline - performance.now()), meter };
    const cursor = readPage(await sessions.request("tools/list", params, bounds), add);
    if (cursor === undefined) return [...byName.values()].filter((tool) => tool !== undefined);
    params = { cursor };
  }
  throw tooLarge(`${limits.listServerPagesMax} pages`);
}

/** The cursor of the next page. */
function readPage(answer: Buffer, add: (answer: Buffer, tool: Span) => void): string | undefined {
  try {
    const page = findPage(answer);
    const tools = page["result.tools"];
    if (tools === undefined) throw new TollgateError("upstream.protocol", "Its list holds no `tools`.");
    visitElements(answer, tools, (span) => add(answer, span));
    const cursor = page["result.nextCursor"] && valueOf(answer, page["result.nextCursor"]);
    return typeof cursor === "string" ? cursor : undefined;
  } catch (error) {
    if (error instanceof MemberRefusal) throw new TollgateError("upstream.protocol", `Its list: ${error.problem}.`);
    throw error;
  }
}

function readTool(server: Server, answer: Buffer, span: Span): ListedTool | undefined {
  const name = findTool(answer, span).name;
  const tool = name && valueOf(answer, name);
  if (name === undefined || typeof tool !== "string") return undefined;
  const exposed = exposedName(server.name, tool);
  const own = { start: name.start - span.start, end: name.end - span.start };
  return { tool, exposed, bytes: splice(answer.subarray(span.start, span.end), own, JSON.stringify(exposed)) };
}

export type ListAsked = {
  readonly view: View;
  readonly principal: Principal;
  readonly bytesMax: number;
  toolsOf(server: Server): Promise<readonly ListedTool[]>;
  onOmitted(server: Server, why: TollgateError): void;
};

/**
 * The parts of `result.tools` for one principal, in a stable order. When they are too many bytes, servers are left out from
 * the end of that order on, whichever answered first, so that a list does not change by chance from one time to the next.
 */
export async function visibleTools({ view, principal, bytesMax, toolsOf, onOmitted }: ListAsked): Promise<Buffer[]> {
  const servers = [...view.serversByName.values()].filter(({ name }) => reachesServer(view, principal, name));
  const parts: Buffer[][] = servers.map(() => []);
  let bytes = 0;
  let fitting = servers.length;
  await Promise.all(
    servers.map(async (server, index) => {
      const tools = await toolsOf(server).catch((error: unknown) => failureOf(error));
      if (index >= fitting) return;
      if (tools instanceof TollgateError) return onOmitted(server, tools);
      const visible = tools.filter(({ tool }) => reachableServer(view, principal, server.name, tool) === server);
      const part = visible.map((tool) => tool.bytes);
      parts[index] = part;
      bytes += bytesOf(part);
      // What has come beyond the end is let go at once, and what comes later is not taken.
      while (bytes > bytesMax) bytes -= bytesOf(parts.splice(--fitting, 1).flat());
    }),
  );
  for (const server of servers.slice(fitting)) onOmitted(server, new TollgateError("mcp.list-full"));
  return parts.flat();
}

/** With the comma behind each. */
function bytesOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length + 1, 0);
}
