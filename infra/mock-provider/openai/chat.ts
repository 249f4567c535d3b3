// Answers of OpenAI's `/v1/chat/completions`, plain and as chunks: usage in the stream for those who ask for it, the filler
// that hides lengths for those who do not forbid it, several choices side by side, `[DONE]` at the end. Reasoning is counted
// and never shown, as there.
import type { Piece } from "../delivery.ts";
import { cutIntoPieces, generate, type Written } from "../generation.ts";
import { objectOf } from "../json-value.ts";
import type { Asked, Reply } from "../reply.ts";
import { idOf, type Settled, type SettledPart } from "../tokens.ts";
import { chatUsageOf } from "./usage.ts";

const fillerMax = 14;

function beginningOf(asked: Asked, reply: Reply, { seed, usage }: Settled, nowMs: number, object: string) {
  return {
    id: `chatcmpl-${idOf([seed], 29)}`,
    object,
    created: Math.floor(nowMs / 1000),
    model: reply.model ?? asked.model,
    service_tier: usage.serviceTier,
    system_fingerprint: `fp_${idOf([asked.model], 10)}`,
  };
}

function finishReasonOf({ stopReason }: Reply, { parts, isCutShort }: Settled): string {
  if (stopReason !== undefined) return stopReason;
  if (isCutShort) return "length";
  return parts.some(({ type }) => type === "tool") ? "tool_calls" : "stop";
}

const textsOf = (parts: readonly SettledPart[]): string[] =>
  parts.flatMap((part) => (part.type === "text" ? part.text : []));

type ToolPart = Extract<SettledPart, { type: "tool" }>;

function toolsOf(parts: readonly SettledPart[], choice: number): { id: string; part: ToolPart }[] {
  return parts.flatMap((part) => (part.type === "tool" ? { id: callIdOf(part.id, choice), part } : []));
}

/** An id that a script gave is left as it is. */
function callIdOf(id: string, choice: number): string {
  return /^[0-9a-f]{24}$/.test(id) ? `call_${idOf([id, choice])}` : id;
}

export function completionOf(asked: Asked, reply: Reply, settled: Settled, nowMs: number): Piece {
  const { parts, usage } = settled;
  const texts = textsOf(parts);
  const choices = Array.from({ length: settled.choices }, (_, index) => {
    const calls = toolsOf(parts, index).map(({ id, part: { name, json } }) => ({
      id,
      type: "function",
      function: { name, arguments: json },
    }));
    const message = {
      role: "assistant",
      content: texts.length === 0 ? null : texts.join(""),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      refusal: null,
      annotations: [],
    };
    return { index, message, logprobs: null, finish_reason: finishReasonOf(reply, settled) };
  });
  const { service_tier, system_fingerprint, ...first } = beginningOf(asked, reply, settled, nowMs, "chat.completion");
  const completion = { ...first, choices, usage: chatUsageOf(usage), service_tier, system_fingerprint };
  return { text: `${JSON.stringify(completion, undefined, 2)}\n`, outputTokens: usage.outputTokens };
}

export function chunksOf(asked: Asked, reply: Reply, settled: Settled, nowMs: number): Iterable<Piece> {
  return generate(settled, written(asked, reply, settled, nowMs));
}

function* written(asked: Asked, reply: Reply, settled: Settled, nowMs: number): Generator<Written> {
  const options = objectOf(asked.body["stream_options"]);
  const saysUsage = options["include_usage"] === true;
  const hasFiller = options["include_obfuscation"] !== false;
  const beginning = beginningOf(asked, reply, settled, nowMs, "chat.completion.chunk");
  let index = 0;
  const chunk = (choices: readonly unknown[], usage: unknown): string => {
    const filler = idOf([index], (index * 5) % fillerMax);
    index++;
    const whole = {
      ...beginning,
      choices,
      ...(saysUsage ? { usage } : {}),
      ...(hasFiller ? { obfuscation: filler } : {}),
    };
    return `data: ${JSON.stringify(whole)}\n\n`;
  };
  for (const { choice, delta, tokens } of sideBySide(reply, settled))
    yield { text: chunk([{ index: choice, delta, logprobs: null, finish_reason: null }], null), tokens };
  const finish_reason = finishReasonOf(reply, settled);
  for (let choice = 0; choice < settled.choices; choice++)
    yield { text: chunk([{ index: choice, delta: {}, logprobs: null, finish_reason }], null), tokens: 0 };
  if (saysUsage) yield { text: chunk([], chatUsageOf(settled.usage)), tokens: 0 };
  yield { text: "data: [DONE]\n\n", tokens: 0 };
}

interface Delta {
  readonly choice: number;
  readonly delta: object;
  readonly tokens: number;
}

/** A delta of each choice in turn. */
function* sideBySide(reply: Reply, settled: Settled): Generator<Delta> {
  let open = Array.from({ length: settled.choices }, (_, choice) => deltasOf(reply, settled, choice));
  while (open.length > 0) {
    const left: Generator<Delta>[] = [];
    for (const deltas of open) {
      const next = deltas.next();
      if (next.done) continue;
      yield next.value;
      left.push(deltas);
    }
    open = left;
  }
}

function* deltasOf(reply: Reply, { parts }: Settled, choice: number): Generator<Delta> {
  const calls = toolsOf(parts, choice);
  const hasText = textsOf(parts).length > 0;
  const [first] = calls;
  const opening = { role: "assistant", content: hasText ? "" : null };
  const isCallAtOnce = !hasText && first !== undefined;
  if (isCallAtOnce) yield { choice, delta: { ...opening, tool_calls: [callOf(first, 0)], refusal: null }, tokens: 0 };
  else yield { choice, delta: { ...opening, refusal: null }, tokens: 0 };
  // What is thought comes before what is seen, and is generated with its first piece.
  let unseen = 0;
  let index = 0;
  for (const part of parts) {
    if (part.type === "thinking" || part.type === "web-search") {
      unseen += part.tokens;
      continue;
    }
    if (part.type === "tool" && !(isCallAtOnce && index === 0))
      yield { choice, delta: { tool_calls: [callOf({ id: callIdOf(part.id, choice), part }, index)] }, tokens: 0 };
    const whole = part.type === "tool" ? part.json : part.text;
    for (const { text, tokens } of cutIntoPieces(whole, part.tokens, reply.charsPerEvent)) {
      const delta =
        part.type === "text" ? { content: text } : { tool_calls: [{ index, function: { arguments: text } }] };
      yield { choice, delta, tokens: tokens + unseen };
      unseen = 0;
    }
    if (part.type === "tool") index++;
  }
}

function callOf({ id, part }: { readonly id: string; readonly part: ToolPart }, index: number) {
  return { index, id, type: "function", function: { name: part.name, arguments: "" } };
}
