// The tools of one server, and the list that a client gets of all that its key reaches. A tool's bytes go out as the server
// sent them but for its name. A server that is slow, dead or talks nonsense is left out and said so in the log; its tools
// appear in a later list. Two tools that come to one name are both left out.

import type { Server } from "@tollgate/schema/resources";
import { TollgateError } from "@tollgate/kernel/errors";
import { reachableServer, reachesServer, type Principal, type View } from "@tollgate/kernel/view";
import { elementSpans, memberFinder, MemberRefusal, valueOf } from "./wire/members.ts";
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

const pagesMax = 50;
const toolsMax = 5_000;
const findPage = memberFinder(["result.tools", "result.nextCursor"]);
const findTool = memberFinder(["name"]);

export async function listTools(server: Server, sessions: UpstreamSessions, timeoutMs: number) {
  const deadline = performance.now() + timeoutMs;
  const byName = new Map<string, ListedTool | undefined>();
  let params: { cursor?: string } = {};
  for (let page = 1; page <= pagesMax; page++) {
    const answer = await sessions.request("tools/list", params, Math.max(1, deadline - performance.now()));
    const cursor = readPage(server, answer, byName);
    if (cursor === undefined || byName.size > toolsMax) break;
    params = { cursor };
  }
  return [...byName.values()].filter((tool) => tool !== undefined).slice(0, toolsMax);
}

/** The cursor of the next page. A name that comes twice keeps its place, empty. */
function readPage(server: Server, answer: Buffer, into: Map<string, ListedTool | undefined>): string | undefined {
  try {
    const page = findPage(answer);
    const tools = page["result.tools"];
    if (tools === undefined) throw new TollgateError("upstream.protocol", "Its list holds no `tools`.");
    for (const span of elementSpans(answer, tools)) {
      const name = findTool(answer, span).name;
      const tool = name && valueOf(answer, name);
      if (name === undefined || typeof tool !== "string") continue;
      const exposed = exposedName(server.name, tool);
      const own = { start: name.start - span.start, end: name.end - span.start };
      const bytes = splice(answer.subarray(span.start, span.end), own, JSON.stringify(exposed));
      into.set(exposed, into.has(exposed) ? undefined : { tool, exposed, bytes });
    }
    const cursor = page["result.nextCursor"] && valueOf(answer, page["result.nextCursor"]);
    return typeof cursor === "string" ? cursor : undefined;
  } catch (error) {
    if (error instanceof MemberRefusal) throw new TollgateError("upstream.protocol", `Its list: ${error.problem}.`);
    throw error;
  }
}

/** The parts of `result.tools` for one principal, in a stable order. */
export async function visibleTools(
  view: View,
  principal: Principal,
  toolsOf: (server: Server) => Promise<readonly ListedTool[]>,
): Promise<Buffer[]> {
  const servers = [...view.serversByName.values()].filter(({ name }) => reachesServer(view, principal, name));
  const lists = await Promise.all(
    servers.map(async (server) => {
      const tools = await toolsOf(server);
      return tools.filter(({ tool }) => reachableServer(view, principal, server.name, tool)?.id === server.id);
    }),
  );
  return lists.flat().map(({ bytes }) => bytes);
}
