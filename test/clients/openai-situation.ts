// What Codex asks of its model, in the words of a script, read from a request to OpenAI's Responses API. Codex groups the
// tools of an MCP server in a namespace, `mcp__<server>` with `<tool>` in it; to the script they have one name,
// `mcp__<server>__<tool>`, which is also what Claude Code calls them.
import { z } from "zod";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import type { OfferedTool, Situation, ToolOutcome, Turn } from "./script.ts";

const functionTool = z.looseObject({
  type: z.literal("function"),
  name: z.string(),
  description: z.string().default(""),
  parameters: z.unknown(),
});
const namespace = z.looseObject({
  type: z.literal("namespace"),
  name: z.string(),
  tools: z.array(z.unknown()),
});
const functionCall = z.looseObject({
  type: z.literal("function_call"),
  call_id: z.string(),
  name: z.string(),
  namespace: z.string().optional(),
});
const functionOutput = z.looseObject({
  type: z.literal("function_call_output"),
  call_id: z.string(),
  output: z.unknown(),
});
const responsesRequest = z.looseObject({
  input: z.array(z.unknown()),
  tools: z.array(z.unknown()).default([]),
});
type ResponsesRequest = z.infer<typeof responsesRequest>;

const separator = "__";

interface Name {
  readonly namespace?: string;
  readonly name: string;
}

function joined(name: Name): string {
  return name.namespace === undefined ? name.name : `${name.namespace}${separator}${name.name}`;
}

function toolsOf({ tools }: ResponsesRequest): { name: Name; tool: z.infer<typeof functionTool> }[] {
  return tools.flatMap((each) => {
    const single = functionTool.safeParse(each).data;
    if (single !== undefined) return [{ name: { name: single.name }, tool: single }];
    const group = namespace.safeParse(each).data;
    return (group?.tools ?? []).flatMap((member) => {
      const tool = functionTool.safeParse(member).data;
      return tool === undefined ? [] : [{ name: { namespace: group?.name ?? "", name: tool.name }, tool }];
    });
  });
}

export function openAiSituationOf(body: unknown): Omit<Situation, "asked"> {
  const asked = responsesRequest.parse(body);
  const tools = toolsOf(asked).map(({ name, tool }): OfferedTool => ({
    name: joined(name),
    description: tool.description,
    inputSchema: tool.parameters,
  }));
  const called = new Map<string, string>();
  const outcomes: ToolOutcome[] = [];
  for (const item of asked.input) {
    const use = functionCall.safeParse(item).data;
    if (use !== undefined) {
      const { namespace: group, name } = use;
      called.set(use.call_id, joined(group === undefined ? { name } : { namespace: group, name }));
    }
    const output = functionOutput.safeParse(item).data;
    if (output === undefined) continue;
    // Codex has no flag for a failed call; its model reads it in the text.
    outcomes.push({
      tool: called.get(output.call_id) ?? "?",
      callId: output.call_id,
      text: textOf(output.output),
      isError: false,
      content: output.output,
    });
  }
  return { tools, outcomes };
}

const textItem = z.looseObject({ type: z.literal("input_text"), text: z.string() });

function textOf(output: unknown): string {
  if (typeof output === "string") return output;
  const items = z.array(z.unknown()).safeParse(output).data ?? [];
  const texts = items.flatMap((item) => textItem.safeParse(item).data?.text ?? []);
  // Codex puts the time that it took before what the tool said.
  return texts.filter((text, index) => index > 0 || !text.startsWith("Wall time:")).join("\n");
}

/** A call by the name that Codex wants to hear. */
export function openAiReplyOf(turn: Turn, body: unknown): Reply {
  if ("trouble" in turn) return turn;
  if ("say" in turn) return { content: [{ type: "text", text: turn.say }] };
  const names = toolsOf(responsesRequest.parse(body)).map(({ name }) => name);
  const name = names.find((each) => joined(each) === turn.call) ?? { name: turn.call };
  return { content: [{ type: "tool", ...name, input: turn.input }] };
}
