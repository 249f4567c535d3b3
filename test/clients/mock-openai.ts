// A mock of OpenAI's Responses API, as much of it as Codex uses: `/v1/responses`, streamed. What the model says is a script's
// (script.ts). Codex groups the tools of an MCP server in a namespace, `mcp__<server>` with `<tool>` in it; to the script they
// have one name, `mcp__<server>__<tool>`, which is also what Claude Code calls them.
import { createHash } from "node:crypto";
import { z } from "zod";
import { listenAsModel, sendEvents, sendJson, type ModelListener } from "./model-listener.ts";
import type { OfferedTool, Script, Situation, ToolOutcome, Turn } from "./script.ts";

export interface MockOpenAi extends ModelListener {
  /** One for each request that the script answered. */
  readonly situations: readonly Situation[];
}

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
  model: z.string(),
  input: z.array(z.unknown()),
  tools: z.array(z.unknown()).default([]),
});
type ResponsesRequest = z.infer<typeof responsesRequest>;

const separator = "__";

export async function startMockOpenAi(script: Script): Promise<MockOpenAi> {
  const situations: Situation[] = [];
  const listener = await listenAsModel((request, response) => {
    if (request.method !== "POST" || request.path !== "/v1/responses") {
      return sendJson(response, 404, { error: { message: `the mock knows no ${request.method} ${request.path}` } });
    }
    const asked = responsesRequest.parse(request.body);
    const situation = situationOf(asked);
    situations.push(situation);
    sendEvents(response, eventsOf(script(situation), situation, namesOf(asked)));
  });
  return { ...listener, situations };
}

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

/** From the script's names to those that Codex wants to hear. */
function namesOf(asked: ResponsesRequest): ReadonlyMap<string, Name> {
  return new Map(toolsOf(asked).map(({ name }) => [joined(name), name]));
}

function situationOf(asked: ResponsesRequest): Situation {
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

function eventsOf(turn: Turn, { outcomes }: Situation, names: ReadonlyMap<string, Name>): { type: string }[] {
  const seed = createHash("sha256").update(JSON.stringify([turn, outcomes.map(({ callId }) => callId)]));
  const id = seed.digest("hex").slice(0, 24);
  const usage = {
    input_tokens: 1,
    input_tokens_details: null,
    output_tokens: 1,
    output_tokens_details: null,
    total_tokens: 2,
  };
  const item =
    "say" in turn
      ? { type: "message", id: `msg_${id}`, role: "assistant", content: [{ type: "output_text", text: turn.say }] }
      : {
          type: "function_call",
          id: `fc_${id}`,
          call_id: `call_${id}`,
          ...(names.get(turn.call) ?? { name: turn.call }),
          arguments: JSON.stringify(turn.input),
        };
  const events = [
    { type: "response.created", response: { id: `resp_${id}` } },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { id: `resp_${id}`, usage } },
  ];
  return events;
}
