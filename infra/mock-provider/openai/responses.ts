// Answers of OpenAI's `/v1/responses`, plain and as events: each item is opened, filled and closed, every event has its
// number, and the whole response stands in the last one. What a request said of itself is repeated, as there.
import type { Piece } from "../delivery.ts";
import { cutIntoPieces, generate, type Written } from "../generation.ts";
import { listOf, type JsonObject } from "../json-value.ts";
import type { Asked, Reply } from "../reply.ts";
import { idOf, type Settled, type SettledPart } from "../tokens.ts";
import { responsesUsageOf } from "./usage.ts";

const fillerMax = 14;
const wordsOfFailure = "The server had an error while processing your request. Sorry about that!";

export function responseOf(asked: Asked, reply: Reply, settled: Settled, nowMs: number): Piece {
  const text = `${JSON.stringify(endOf(asked, reply, settled, nowMs), undefined, 2)}\n`;
  return { text, outputTokens: settled.usage.outputTokens };
}

export function responseEventsOf(asked: Asked, reply: Reply, settled: Settled, nowMs: number): Iterable<Piece> {
  return generate(settled, written(asked, reply, settled, nowMs));
}

type Status = "in_progress" | "completed" | "incomplete" | "failed";

/** Repeats of the request what it said, and else what is usual. */
const repeated: JsonObject = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  store: true,
  temperature: 1,
  text: { format: { type: "text" }, verbosity: "medium" },
  tool_choice: "auto",
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: "disabled",
  user: null,
  metadata: {},
};

function beginningOf(asked: Asked, reply: Reply, { seed }: Settled, nowMs: number) {
  const own = Object.entries(repeated).map(([name, usual]) => [name, asked.body[name] ?? usual] as const);
  return {
    id: `resp_${idOf([seed], 50)}`,
    object: "response",
    created_at: Math.floor(nowMs / 1000),
    status: "in_progress" as Status,
    background: false,
    completed_at: null as number | null,
    error: null as unknown,
    incomplete_details: null as unknown,
    model: reply.model ?? asked.model,
    output: [] as unknown[],
    ...Object.fromEntries(own),
    service_tier: "auto",
    usage: null as unknown,
  };
}

function endOf(asked: Asked, reply: Reply, settled: Settled, nowMs: number) {
  const { parts, usage, isCutShort } = settled;
  const status = statusOf(reply, isCutShort);
  return {
    ...beginningOf(asked, reply, settled, nowMs),
    status,
    completed_at: status === "completed" ? Math.floor(nowMs / 1000) : null,
    error: status === "failed" ? { code: "server_error", message: wordsOfFailure } : null,
    incomplete_details: status === "incomplete" ? { reason: reply.stopReason ?? "max_output_tokens" } : null,
    output: parts.map((part) => itemOf(asked, part)),
    service_tier: usage.serviceTier,
    usage: status === "failed" ? null : responsesUsageOf(usage),
  };
}

function statusOf({ stopReason }: Reply, isCutShort: boolean): Status {
  if (stopReason === "failed") return "failed";
  if (isCutShort || stopReason === "max_output_tokens" || stopReason === "content_filter") return "incomplete";
  return "completed";
}

interface Item extends JsonObject {
  readonly id: string;
  readonly type: string;
}

/** As it stands at its end; each part of a reply is one. */
function itemOf({ body }: Asked, part: SettledPart): Item {
  const id = "id" in part ? part.id : idOf([part.text]);
  switch (part.type) {
    case "text": {
      const content = [{ type: "output_text", annotations: [], logprobs: [], text: part.text }];
      return { id: `msg_${id}`, type: "message", status: "completed", content, role: "assistant" };
    }
    case "thinking": {
      const isWanted = listOf(body["include"]).includes("reasoning.encrypted_content");
      const sealed = isWanted ? { encrypted_content: part.signature } : {};
      return { id: `rs_${id}`, type: "reasoning", ...sealed, summary: [{ type: "summary_text", text: part.text }] };
    }
    case "tool":
      return {
        id: `fc_${idOf([id])}`,
        type: "function_call",
        status: "completed",
        arguments: part.json,
        call_id: /^[0-9a-f]{24}$/.test(id) ? `call_${id}` : id,
        name: part.name,
        ...(part.namespace === undefined ? {} : { namespace: part.namespace }),
      };
    case "web-search":
      return { id: `ws_${id}`, type: "web_search_call", status: "completed", action: searchOf(part.query) };
  }
}

const searchOf = (query: string) => ({ type: "search", query, queries: [query] });

interface Event {
  readonly type: string;
  readonly members: JsonObject;
  readonly tokens: number;
}

function* written(asked: Asked, reply: Reply, settled: Settled, nowMs: number): Generator<Written> {
  const whole = endOf(asked, reply, settled, nowMs);
  const beginning = beginningOf(asked, reply, settled, nowMs);
  let number = 0;
  const write = ({ type, members, tokens }: Event): Written => {
    const isDelta = type.endsWith(".delta");
    const filler = isDelta ? { obfuscation: idOf([number], (number * 5) % fillerMax) } : {};
    const data = JSON.stringify({ type, sequence_number: number++, ...members, ...filler });
    return { text: `event: ${type}\ndata: ${data}\n\n`, tokens };
  };
  for (const type of ["response.created", "response.in_progress"])
    yield write({ type, members: { response: beginning }, tokens: 0 });
  for (const [index, part] of settled.parts.entries())
    for (const event of eventsOfItem(part, itemOf(asked, part), index, reply.charsPerEvent)) yield write(event);
  yield write({ type: `response.${whole.status}`, members: { response: whole }, tokens: 0 });
}

function* eventsOfItem(part: SettledPart, item: Item, index: number, charsMax: number | undefined): Generator<Event> {
  const place = { output_index: index, item_id: item.id };
  const event = (type: string, members: JsonObject, tokens = 0): Event => ({
    type: `response.${type}`,
    members,
    tokens,
  });
  yield event("output_item.added", { output_index: index, item: opened(item) });
  if (part.type === "text") {
    const within = { ...place, content_index: 0 };
    const empty = { type: "output_text", annotations: [], logprobs: [], text: "" };
    yield event("content_part.added", { ...within, part: empty });
    for (const { text, tokens } of cutIntoPieces(part.text, part.tokens, charsMax))
      yield event("output_text.delta", { ...within, delta: text, logprobs: [] }, tokens);
    yield event("output_text.done", { ...within, text: part.text, logprobs: [] });
    yield event("content_part.done", { ...within, part: { ...empty, text: part.text } });
  }
  if (part.type === "thinking") {
    const within = { ...place, summary_index: 0 };
    yield event("reasoning_summary_part.added", { ...within, part: { type: "summary_text", text: "" } });
    for (const { text, tokens } of cutIntoPieces(part.text, part.tokens, charsMax))
      yield event("reasoning_summary_text.delta", { ...within, delta: text }, tokens);
    yield event("reasoning_summary_text.done", { ...within, text: part.text });
    yield event("reasoning_summary_part.done", { ...within, part: { type: "summary_text", text: part.text } });
  }
  if (part.type === "tool") {
    for (const { text, tokens } of cutIntoPieces(part.json, part.tokens, charsMax))
      yield event("function_call_arguments.delta", { ...place, delta: text }, tokens);
    yield event("function_call_arguments.done", { ...place, arguments: part.json });
  }
  if (part.type === "web-search") {
    yield event("web_search_call.in_progress", place);
    yield event("web_search_call.searching", place, part.tokens);
    yield event("web_search_call.completed", place);
  }
  yield event("output_item.done", { output_index: index, item });
}

/** With nothing in it yet. */
function opened(item: Item): JsonObject {
  switch (item.type) {
    case "message":
      return { ...item, status: "in_progress", content: [] };
    case "reasoning":
      return { ...item, summary: [] };
    case "function_call":
      return { ...item, status: "in_progress", arguments: "" };
    default:
      return { id: item.id, type: item.type, status: "in_progress" };
  }
}
