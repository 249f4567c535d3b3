// Answers of Anthropic's `/v1/messages`, plain and as events: the same fields in the same order, pings and the spaces at the
// end of an event's data among them. What is said and what it costs was settled before; here it is only written down.
import type { Piece } from "../delivery.ts";
import type { Asked, Reply, Usage } from "../reply.ts";
import { cutIntoPieces, generate, type Written } from "../generation.ts";
import { idOf, type Settled, type SettledPart } from "../tokens.ts";

const paddingMax = 13;

export function messageOf(asked: Asked, reply: Reply, settled: Settled): Piece {
  const { usage } = settled;
  const message = {
    ...beginningOf(asked, reply, settled),
    content: settled.parts.flatMap(blocksOf),
    stop_reason: stopReasonOf(reply, settled),
    stop_sequence: null,
    stop_details: null,
    usage: usageOf(usage, usage.outputTokens),
  };
  return { text: JSON.stringify(message), outputTokens: usage.outputTokens };
}

function beginningOf(asked: Asked, reply: Reply, { seed }: Settled) {
  return { model: reply.model ?? asked.model, id: `msg_01${idOf([seed], 22)}`, type: "message", role: "assistant" };
}

function stopReasonOf({ stopReason }: Reply, { parts, isCutShort }: Settled): string {
  if (stopReason !== undefined) return stopReason;
  if (isCutShort) return "max_tokens";
  return parts.some(({ type }) => type === "tool") ? "tool_use" : "end_turn";
}

function cumulativeUsageOf(usage: Usage, outputTokens: number) {
  const { webSearches, reasoningTokens } = usage;
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    output_tokens: outputTokens,
    ...(reasoningTokens === 0 ? {} : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
    ...(webSearches === 0 ? {} : { server_tool_use: { web_search_requests: webSearches, web_fetch_requests: 0 } }),
  };
}

function usageOf(usage: Usage, outputTokens: number) {
  return {
    ...cumulativeUsageOf(usage, outputTokens),
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite5mTokens,
      ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
    },
    service_tier: usage.serviceTier,
    inference_geo: "not_available",
  };
}

interface Block {
  readonly type: string;
  readonly [member: string]: unknown;
}

const caller = { type: "direct" };

function blocksOf(part: SettledPart): Block[] {
  switch (part.type) {
    case "text":
      return [{ type: "text", text: part.text }];
    case "thinking":
      return [{ type: "thinking", thinking: part.text, signature: part.signature }];
    case "tool":
      return [{ type: "tool_use", id: toolIdOf(part.id), name: part.name, input: JSON.parse(part.json), caller }];
    case "web-search":
      return searchBlocksOf(part.id, part.query);
  }
}

/** An id that a script gave is left as it is. */
const toolIdOf = (id: string): string => (/^[0-9a-f]{24}$/.test(id) ? `toolu_01${id.slice(0, 22)}` : id);

function searchBlocksOf(id: string, query: string): Block[] {
  const useId = `srvtoolu_01${id.slice(0, 22)}`;
  const found = {
    type: "web_search_result",
    title: `About ${query}`,
    url: "https://example.com/found",
    encrypted_content: Buffer.from(query).toString("base64"),
    page_age: null,
  };
  return [
    { type: "server_tool_use", id: useId, name: "web_search", input: { query }, caller },
    { type: "web_search_tool_result", tool_use_id: useId, content: [found], caller },
  ];
}

/** An event's object, and how many tokens were generated for it. */
interface Event {
  readonly data: { readonly type: string; readonly [member: string]: unknown };
  readonly tokens: number;
}

export function eventsOf(asked: Asked, reply: Reply, settled: Settled): Iterable<Piece> {
  return generate(settled, written(streamOf(asked, reply, settled)));
}

function* written(events: Iterable<Event>): Generator<Written> {
  let index = 0;
  for (const { data, tokens } of events)
    yield { text: `event: ${data.type}\ndata: ${dataOf(data, index++)}\n\n`, tokens };
}

/** The real one pads, so that the sizes of encrypted records tell less. */
function dataOf(data: Event["data"], index: number): string {
  if (data.type === "ping") return '{"type": "ping"}';
  const json = JSON.stringify(data);
  return `${json.slice(0, -1)}${" ".repeat((index * 5) % paddingMax)}}`;
}

function* streamOf(asked: Asked, reply: Reply, settled: Settled): Generator<Event> {
  const { usage } = settled;
  const message = {
    ...beginningOf(asked, reply, settled),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: usageOf({ ...usage, webSearches: 0, reasoningTokens: 0 }, Math.min(1, usage.outputTokens)),
  };
  const ping: Event = { data: { type: "ping" }, tokens: 0 };
  yield { data: { type: "message_start", message }, tokens: 0 };
  let events = 0;
  let index = 0;
  for (const part of settled.parts) {
    for (const block of blocksOf(part)) {
      yield { data: { type: "content_block_start", index, content_block: emptied(block) }, tokens: 0 };
      if (events === 0) yield ping;
      for (const { delta, tokens } of deltasOf(part, block, reply)) {
        yield { data: { type: "content_block_delta", index, delta }, tokens };
        events++;
        if (reply.eventsPerPing !== undefined && events % reply.eventsPerPing === 0) yield ping;
      }
      yield { data: { type: "content_block_stop", index }, tokens: 0 };
      index++;
    }
  }
  const delta = { stop_reason: stopReasonOf(reply, settled), stop_sequence: null, stop_details: null };
  yield { data: { type: "message_delta", delta, usage: cumulativeUsageOf(usage, usage.outputTokens) }, tokens: 0 };
  yield { data: { type: "message_stop" }, tokens: 0 };
}

function emptied(block: Block): Block {
  if (block.type === "text") return { ...block, text: "" };
  if (block.type === "thinking") return { ...block, thinking: "", signature: "" };
  return block.type.endsWith("tool_use") ? { ...block, input: {} } : block;
}

interface Delta {
  readonly delta: { readonly type: string; readonly [member: string]: unknown };
  readonly tokens: number;
}

function* deltasOf(part: SettledPart, block: Block, reply: Reply): Generator<Delta> {
  const cut = (text: string) => cutIntoPieces(text, part.tokens, reply.charsPerEvent);
  switch (part.type) {
    case "text":
      for (const { text, tokens } of cut(part.text)) yield { delta: { type: "text_delta", text }, tokens };
      return;
    case "thinking":
      for (const { text, tokens } of cut(part.text))
        yield { delta: { type: "thinking_delta", thinking: text }, tokens };
      yield { delta: { type: "signature_delta", signature: part.signature }, tokens: 0 };
      return;
    case "tool":
    case "web-search": {
      if (!block.type.endsWith("tool_use")) return;
      const json = part.type === "tool" ? part.json : JSON.stringify({ query: part.query });
      yield { delta: { type: "input_json_delta", partial_json: "" }, tokens: 0 };
      for (const { text, tokens } of cut(json))
        yield { delta: { type: "input_json_delta", partial_json: text }, tokens };
    }
  }
}
