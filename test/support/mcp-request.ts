// A request as a client of 2026-07-28 sends it, whole in itself: the body, and the headers that repeat parts of it.

export const modernVersion = "2026-07-28";

export type McpRequest = { readonly headers: Record<string, string>; readonly body: string };

export function mcpRequest(
  method: string,
  params: object = {},
  id: string | number = 1,
  capabilities: object = {},
): McpRequest {
  const { name, uri, _meta }: { name?: unknown; uri?: unknown; _meta?: object } = params;
  const named = method === "resources/read" ? uri : ["tools/call", "prompts/get"].includes(method) ? name : undefined;
  const meta = {
    ..._meta,
    "io.modelcontextprotocol/protocolVersion": modernVersion,
    "io.modelcontextprotocol/clientInfo": { name: "spec", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  return {
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": modernVersion,
      "mcp-method": method,
      ...(typeof named === "string" ? { "mcp-name": named } : {}),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: meta } }),
  };
}
