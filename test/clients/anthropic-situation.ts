// What Claude Code asks of its model, in the words of a script: the tools that it offers, and what it tells of the calls so
// far, read from a request to Anthropic's Messages API. Requests that offer no tools are its own errands (a title, say).
import { z } from "zod";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import type { OfferedTool, Situation, ToolOutcome, Turn } from "./script.ts";

const block = z.looseObject({ type: z.string() });
const message = z.object({ role: z.string(), content: z.union([z.string(), z.array(block)]) });
const tool = z.object({ name: z.string(), description: z.string().default(""), input_schema: z.unknown() });
const messagesRequest = z.object({
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

export function anthropicSituationOf(body: unknown): Omit<Situation, "asked"> {
  const { tools, messages } = messagesRequest.parse(body);
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

export function anthropicReplyOf(turn: Turn): Reply {
  if ("trouble" in turn) return turn;
  if ("say" in turn) return { content: [{ type: "text", text: turn.say }] };
  return { content: [{ type: "tool", name: turn.call, input: turn.input }] };
}
