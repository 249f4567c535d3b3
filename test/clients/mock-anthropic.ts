// A mock of Anthropic's Messages API, as much of it as Claude Code uses: `/v1/messages` streamed and plain, and
// `/v1/messages/count_tokens`. What the model says is a script's (script.ts), so a run is the same each time and costs
// nothing. Requests that offer no tools are Claude Code's own errands (a title, say) and get a few words without the script.
import { createHash } from "node:crypto";
import { z } from "zod";
import { listenAsModel, sendEvents, sendJson, type ModelListener, type ModelRequest } from "./model-listener.ts";
import type { OfferedTool, Script, Situation, ToolOutcome, Turn } from "./script.ts";

export interface MockAnthropic extends ModelListener {
  /** One for each request that the script answered. */
  readonly situations: readonly Situation[];
}

const block = z.looseObject({ type: z.string() });
const message = z.object({ role: z.string(), content: z.union([z.string(), z.array(block)]) });
const tool = z.object({ name: z.string(), description: z.string().default(""), input_schema: z.unknown() });
const messagesRequest = z.object({
  model: z.string(),
  stream: z.boolean().default(false),
  messages: z.array(message),
  /** Tools that run at the provider have no schema; they are of no interest here. */
  tools: z.array(z.union([tool, z.looseObject({ type: z.string() })])).default([]),
});
type MessagesRequest = z.infer<typeof messagesRequest>;
const toolUse = z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string() });
const toolResult = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.unknown(),
  is_error: z.boolean().default(false),
});

export async function startMockAnthropic(script: Script): Promise<MockAnthropic> {
  const situations: Situation[] = [];
  const listener = await listenAsModel((request, response) => {
    if (request.path === "/v1/messages/count_tokens") return sendJson(response, 200, { input_tokens: 1 });
    if (request.method !== "POST" || request.path !== "/v1/messages") return sendJson(response, 404, notFound(request));
    const asked = messagesRequest.parse(request.body);
    const situation = situationOf(asked);
    const hasTools = situation.tools.length > 0;
    if (hasTools) situations.push(situation);
    const turn: Turn = hasTools ? script(situation) : { say: "An errand" };
    const said = messageOf(turn, asked.model, situation);
    if (asked.stream) sendEvents(response, eventsOf(said));
    else sendJson(response, 200, said);
  });
  return { ...listener, situations };
}

function notFound({ method, path }: ModelRequest): unknown {
  return { type: "error", error: { type: "not_found_error", message: `the mock knows no ${method} ${path}` } };
}

function situationOf({ tools, messages }: MessagesRequest): Situation {
  const blocks = messages.flatMap(({ content }) => (typeof content === "string" ? [] : content));
  const names = new Map<string, string>();
  const outcomes: ToolOutcome[] = [];
  for (const each of blocks) {
    const use = toolUse.safeParse(each).data;
    if (use !== undefined) names.set(use.id, use.name);
    const result = toolResult.safeParse(each).data;
    if (result === undefined) continue;
    const { tool_use_id: callId, content, is_error: isError } = result;
    outcomes.push({ tool: names.get(callId) ?? "?", callId, text: textOf(content), isError, content });
  }
  return { tools: tools.flatMap(offered), outcomes };
}

function offered(each: MessagesRequest["tools"][number]): OfferedTool[] {
  const { data } = tool.safeParse(each);
  return data === undefined ? [] : [{ name: data.name, description: data.description, inputSchema: data.input_schema }];
}

const textBlock = z.object({ type: z.literal("text"), text: z.string() });

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  const blocks = z.array(z.unknown()).safeParse(content).data ?? [];
  return blocks.flatMap((each) => textBlock.safeParse(each).data?.text ?? []).join("\n");
}

const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };

function messageOf(turn: Turn, model: string, { outcomes }: Situation) {
  // The same request gets the same ids, and no two turns of a conversation share one.
  const seed = createHash("sha256").update(JSON.stringify([turn, outcomes.map(({ callId }) => callId)]));
  const id = seed.digest("hex").slice(0, 24);
  const content =
    "say" in turn
      ? ({ type: "text", text: turn.say } as const)
      : ({ type: "tool_use", id: `toolu_${id}`, name: turn.call, input: turn.input } as const);
  return {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model,
    content: [content],
    stop_reason: "say" in turn ? "end_turn" : "tool_use",
    stop_sequence: null,
    usage,
  } as const;
}

function eventsOf(said: ReturnType<typeof messageOf>): { type: string }[] {
  const { content, stop_reason, stop_sequence } = said;
  const [whole] = content;
  const start = whole.type === "text" ? { ...whole, text: "" } : { ...whole, input: {} };
  const delta =
    whole.type === "text"
      ? { type: "text_delta", text: whole.text }
      : { type: "input_json_delta", partial_json: JSON.stringify(whole.input) };
  const events = [
    { type: "message_start", message: { ...said, content: [], stop_reason: null } },
    { type: "content_block_start", index: 0, content_block: start },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence }, usage },
    { type: "message_stop" },
  ];
  return events;
}
