// Reads of a request's body what the gate needs to know of a call to a model, and makes the body that goes to the provider.
// Little more than the top level is read; what messages hold and how tools are described is nobody's business here. A body in which one of them
// could be read in two ways is refused; one whose value makes no sense is left to the provider to refuse, in its own words.
// Every byte goes on as it came, but for the model's name and, where the gate has to ask for it, the usage of a stream.

import { limits } from "@tollgate/kernel/limits";
import { BudgetFeature } from "@tollgate/schema/resources";
import { Edits } from "../../bytes/edits.ts";
import {
  listedMembersMax,
  memberFinder,
  MemberRefusal,
  textValue,
  valueOf,
  type MemberProblem,
  type Span,
  type Spans,
} from "../../bytes/members.ts";
import { besidesIn, type Besides } from "./besides.ts";
import { hasReferences } from "./references.ts";
import { anyFeature, serverFeatureOf } from "./server-tools.ts";

/** What is asked of a door with a body, by the protocol's own path. */
export type BodyOperation = "messages" | "messages/count_tokens" | "chat/completions" | "responses" | "embeddings";

const paths = [
  "model",
  "stream",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "n",
  "service_tier",
  "speed",
  "stream_options",
  "stream_options>include_usage",
  "previous_response_id",
  "conversation",
  "prompt",
  "thread",
  "background",
  "models",
  "fallbacks",
  "fallbacks>*>model",
  "tools>*>model",
  "tools>*>type",
  "tools>*>max_uses",
  "mcp_servers",
  "web_search_options",
] as const;

export type RequestSpans = Spans<(typeof paths)[number]>;

export type ModelRequest = Besides & {
  readonly operation: BodyOperation;
  readonly bodyBytes: number;
  /** No more is read than so much, where the provider was asked to count it; no part of the body says it. */
  readonly inputTokensCounted?: number;
  /** As the client wrote it. */
  readonly model: string;
  readonly isStreamed: boolean;
  /** Whether the provider goes on with it when its client is gone. */
  readonly isBackground: boolean;
  /** The most that the client wants written, of each choice; undefined where it says nothing that is surely understood. */
  readonly outputTokensAsked: number | undefined;
  /** How many answers are asked for at once; never too few. */
  readonly choices: number;
  /** Fast answers are as one, as they are in price lists. */
  readonly serviceTier: string | undefined;
  /** Whether the model reads more than is in the body: a conversation or a prompt that the provider keeps, files, images. */
  readonly hasInputElsewhere: boolean;
  /** Whether the model may call what the provider runs, a search or code or another server, whose results it reads. */
  readonly hasServerTools: boolean;
  /** Which of them, each once, as budgets call them. */
  readonly serverFeatures: readonly BudgetFeature[];
  /** How often the provider may use such tools, as far as the request says it. */
  readonly serverToolUsesMax: number;
  /** Whether the provider says what a stream used only if the gate asks for it. The client is not to see that it did. */
  readonly mustAskUsage: boolean;
  readonly at: RequestSpans;
};

export type RequestProblem = MemberProblem | "model-missing" | "model-too-long" | "too-many-models";

export type RequestRefusal = { readonly problem: RequestProblem };

/** How Anthropic's fast answers are called where a tier's price is asked for. */
export const fastTier = "fast";

const find = memberFinder(paths);

export function readRequest(operation: BodyOperation, body: Buffer): ModelRequest | RequestRefusal {
  try {
    return requestOf(operation, body, find(body));
  } catch (error) {
    if (error instanceof MemberRefusal) return { problem: error.problem };
    throw error;
  }
}

function requestOf(operation: BodyOperation, body: Buffer, at: RequestSpans): ModelRequest | RequestRefusal {
  const model = textValue(body, at.model);
  if (model === undefined || model === "") return { problem: "model-missing" };
  if (model.length > limits.modelNameCharsMax) return { problem: "model-too-long" };
  const { otherModels, hasFreeFallback } = besidesIn(body, at);
  const listed = at["fallbacks>*>model"].length + at["tools>*>model"].length;
  if (Math.max(listed, otherModels.length) >= listedMembersMax) return { problem: "too-many-models" };
  const isStreamed = isWord(body, at.stream, "true");
  const serverFeatures = serverFeaturesIn(body, at);
  return {
    operation,
    bodyBytes: body.length,
    model,
    isStreamed,
    isBackground: operation === "responses" && isWord(body, at.background, "true"),
    outputTokensAsked: mostOf(body, [at.max_tokens, at.max_completion_tokens, at.max_output_tokens]),
    choices: choicesOf(body, at.n),
    serviceTier: textValue(body, at.speed) === fastTier ? fastTier : textValue(body, at.service_tier),
    otherModels,
    hasFreeFallback,
    hasInputElsewhere:
      [at.previous_response_id, at.conversation, at.prompt, at.thread].some((span) => isGiven(body, span)) ||
      hasReferences(body),
    hasServerTools: serverFeatures.length > 0,
    serverFeatures,
    serverToolUsesMax: usesOf(body, at["tools>*>max_uses"]),
    mustAskUsage: operation === "chat/completions" && isStreamed && canAskUsage(body, at),
    at,
  };
}

/** The body as the provider shall see it: the same buffer where nothing has to be changed. */
export function bodyFor(request: ModelRequest, body: Buffer, model: string): Buffer {
  const { at } = request;
  const edits = new Edits();
  if (at.model !== undefined && model !== request.model) edits.replace(at.model, JSON.stringify(model));
  if (request.mustAskUsage) askUsage(edits, request, body);
  return edits.isEmpty ? body : edits.apply(body);
}

const asking = '"include_usage":true';

function askUsage(edits: Edits, { at }: ModelRequest, body: Buffer): void {
  const options = at.stream_options;
  const asked = at["stream_options>include_usage"];
  if (asked !== undefined) edits.replace(asked, "true");
  else if (options === undefined) edits.insert(at.model?.end ?? 0, `,"stream_options":{${asking}}`);
  else if (!isGiven(body, options)) edits.replace(options, `{${asking}}`);
  else edits.insert(options.start + 1, isEmptyObject(body, options) ? asking : `${asking},`);
}

/** Not where the client asked itself, and not where it wrote what is no option: the provider shall see that as it is. */
function canAskUsage(body: Buffer, at: RequestSpans): boolean {
  const options = at.stream_options;
  if (!isGiven(body, options)) return true;
  const asked = at["stream_options>include_usage"];
  return body[options.start] === openBrace && (!isGiven(body, asked) || isWord(body, asked, "false"));
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const space = 0x20;

function isEmptyObject(body: Buffer, span: Span): boolean {
  let at = span.start + 1;
  while ((body[at] ?? 0) <= space) at++;
  return body[at] === closeBrace;
}

function isGiven(body: Buffer, span: Span | undefined): span is Span {
  return span !== undefined && !isWord(body, span, "null");
}

function isWord(body: Buffer, span: Span | undefined, word: "true" | "false" | "null"): boolean {
  // No other value begins with one of these letters.
  return span !== undefined && body[span.start] === word.charCodeAt(0);
}

/** The largest, because providers differ in which of two they take; undefined as soon as one is not surely understood. */
function mostOf(body: Buffer, spans: readonly (Span | undefined)[]): number | undefined {
  let most: number | undefined;
  for (const span of spans) {
    if (!isGiven(body, span)) continue;
    const count = countOf(body, span);
    if (count === undefined) return undefined;
    most = Math.max(most ?? 0, count);
  }
  return most === undefined ? undefined : Math.min(most, limits.modelTokensMax);
}

/** The most that anybody gives; what is beyond it or not understood counts as that. */
const choicesMax = 128;

function choicesOf(body: Buffer, span: Span | undefined): number {
  if (!isGiven(body, span)) return 1;
  return Math.min(Math.max(1, countOf(body, span) ?? choicesMax), choicesMax);
}

function serverFeaturesIn(body: Buffer, at: RequestSpans): readonly BudgetFeature[] {
  const types = at["tools>*>type"];
  if (types.length >= listedMembersMax) return anyFeature;
  const found = types.flatMap((span) => serverFeatureOf(textValue(body, span) ?? "") ?? []);
  if (isGiven(body, at.mcp_servers)) found.push(BudgetFeature.MCP);
  if (isGiven(body, at.web_search_options)) found.push(BudgetFeature.WEB_SEARCH);
  return found.length < 2 ? found : [...new Set(found)];
}

/** More than anybody allows. */
const usesMax = 1_000;

function usesOf(body: Buffer, spans: readonly Span[]): number {
  return Math.min(
    spans.reduce((sum, span) => sum + (countOf(body, span) ?? 0), 0),
    usesMax,
  );
}

const countBytesMax = 32;

function countOf(body: Buffer, span: Span): number | undefined {
  if (span.end - span.start > countBytesMax) return undefined;
  const value = valueOf(body, span);
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
