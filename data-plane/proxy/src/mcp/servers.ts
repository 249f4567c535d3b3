// What the MCP door knows of each server beyond its connections: its sessions, and which of its tools are exposed under an
// altered name. It lives as long as the server's record in the view stays the same.

import type { Server } from "@tollgate/schema/resources";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { Upstream, Upstreams } from "../upstream/upstreams.ts";
import { listMeter, openRoom, type ListLimits } from "./list-bounds.ts";
import { listTools, type ListedTool } from "./tool-list.ts";
import { openSessions, type UpstreamSessions } from "./upstream-session.ts";

export type McpServer = {
  readonly upstream: Upstream;
  readonly sessions: UpstreamSessions;
  /** Shared by all who ask while it is under way. */
  tools(): Promise<readonly ListedTool[]>;
};

export function mcpServers(
  upstreams: Upstreams,
  deadlines: Deadlines,
  limits: ListLimits,
): (server: Server) => McpServer {
  const known = new WeakMap<Upstream, McpServer>();
  const room = openRoom(limits.listGatheredBytesMax);
  return (server) => {
    const upstream = upstreams.of(server);
    const existing = known.get(upstream);
    if (existing) return existing;
    const sessions = openSessions(upstream, upstreams, deadlines);
    let listing: Promise<readonly ListedTool[]> | undefined;
    const list = () => {
      const { meter, close } = listMeter(limits, room);
      return listTools(server, sessions, limits, meter).finally(close);
    };
    const tools = () =>
      (listing ??= list().finally(() => {
        listing = undefined;
      }));
    const made = { upstream, sessions, tools };
    known.set(upstream, made);
    return made;
  };
}
