// Reads of Anthropic's answers what a call used, which model answered, why it stopped and which tools it asks to be called.
// A stream says its input at its start and, in `message_delta`, totals that replace what was said before; an answer in one
// piece says all in `usage`. The tokens of a compaction are in no total and are added here; those of an advisor are another
// model's and are told apart.

import { nothingUsed, type TokenUsage } from "@tollgate/kernel/pricing";
import { probePlan, type ProbedValue } from "../../bytes/member-probe.ts";
import {
  AnswerBytes,
  toolUseIdsMax,
  type AnswerEvents,
  type AnswerForm,
  type AnswerReader,
  type AnswerReading,
} from "../wire/answer.ts";
import { sumOf, tokenCount } from "../wire/token-usage.ts";

const counts = [
  "input_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "cache_creation>ephemeral_5m_input_tokens",
  "cache_creation>ephemeral_1h_input_tokens",
  "output_tokens",
  "output_tokens_details>thinking_tokens",
  "server_tool_use>web_search_requests",
] as const;

type Count = (typeof counts)[number];
type Counts = Map<Count, number>;

const texts = [
  "model",
  "message>model",
  "stop_reason",
  "delta>stop_reason",
  "usage>service_tier",
  "message>usage>service_tier",
  "usage>speed",
  "message>usage>speed",
  "content_block>type",
  "content_block>id",
  "content_block>name",
  "content>*>type",
  "content>*>id",
  "usage>iterations>*>type",
  "usage>iterations>*>model",
  "error>type",
] as const;

const ends = ["content_block", "content>*", "usage>iterations>*", "usage>iterations"] as const;

type Text = (typeof texts)[number];
type TotalPath = `usage>${Count}` | `message>usage>${Count}`;
type IterationPath = `usage>iterations>*>${Count}`;
type Path = TotalPath | IterationPath | Text | (typeof ends)[number];

const totals = new Map<Path, Count>(
  counts.flatMap((name): [Path, Count][] => [
    [`usage>${name}`, name],
    [`message>usage>${name}`, name],
  ]),
);
const ofIterations = new Map<Path, Count>(counts.map((name): [Path, Count] => [`usage>iterations>*>${name}`, name]));

const plan = probePlan<Path>({
  paths: [...totals.keys(), ...ofIterations.keys(), ...texts, ...ends],
  counted: ["delta>text", "delta>thinking", "delta>partial_json"],
});

export function readAnthropicAnswer(form: AnswerForm): AnswerReader {
  return new AnthropicAnswer(form);
}

class AnthropicAnswer implements AnswerReader, AnswerEvents<Path> {
  readonly #bytes: AnswerBytes<Path>;
  readonly #totals: Counts = new Map();
  /** The last of each. */
  readonly #texts = new Map<Path, string>();
  readonly #toolUseIds: string[] = [];
  /** What a stream shows of searches; how many there were it says at its end. */
  #searchesSeen = 0;
  #hasServerTools = false;
  #iteration: Counts = new Map();
  /** Each usage brings the whole list of iterations: of the one that is being read, and of the last that was read to its end. */
  #listed = new BesidesTotals();
  #besides = new BesidesTotals();
  #isStopped = false;
  /** Not at the start of a stream, where next to nothing is written yet. */
  #isOutputSaid = false;

  constructor(form: AnswerForm) {
    this.#bytes = new AnswerBytes(form, plan, this);
  }

  push(chunk: Buffer): void {
    this.#bytes.push(chunk);
  }

  end(): void {
    this.#bytes.end();
  }

  isSkipped(type: string): boolean {
    return type === "ping" || type === "content_block_stop";
  }

  onValue(path: Path, value: ProbedValue): void {
    if (typeof value === "string") this.#texts.set(path, value);
    put(this.#totals, totals.get(path), value);
    if (path === "usage>output_tokens" && tokenCount(value) !== undefined) this.#isOutputSaid = true;
    put(this.#iteration, ofIterations.get(path), value);
  }

  onEnd(path: Path): void {
    if (path === "content_block" || path === "content>*") {
      const [type, id] = [this.#taken(`${path}>type`), this.#taken(`${path}>id`)];
      const name = this.#taken("content_block>name");
      if (type === "server_tool_use" || type === "mcp_tool_use") this.#hasServerTools = true;
      if (type === "server_tool_use" && name === "web_search") this.#searchesSeen++;
      if (type === "tool_use" && id !== "" && this.#toolUseIds.length < toolUseIdsMax) this.#toolUseIds.push(id);
    } else if (path === "usage>iterations>*") {
      this.#listed.add(this.#taken(`${path}>type`), this.#taken(`${path}>model`), usageOf(this.#iteration));
      this.#iteration = new Map();
    } else if (path === "usage>iterations") {
      this.#besides = this.#listed;
      this.#listed = new BesidesTotals();
    }
  }

  onEvent(type: string): void {
    if (type === "message_stop" || this.#texts.has("delta>stop_reason")) this.#isStopped = true;
  }

  reading(): AnswerReading {
    const text = (path: Text): string | undefined => this.#texts.get(path);
    const isComplete = this.#isStopped || this.#bytes.isWhole;
    const used = sumOf(usageOf(this.#totals), this.#besides.compactions);
    const webSearches = isComplete ? used.webSearches : Math.max(used.webSearches, this.#searchesSeen);
    return {
      usage: { ...used, webSearches, serviceTier: this.#serviceTier() },
      said: { input: this.#totals.has("input_tokens"), output: this.#isOutputSaid },
      isComplete,
      model: text("message>model") ?? text("model") ?? "",
      stopReason: text("delta>stop_reason") ?? text("stop_reason") ?? "",
      toolUseIds: this.#toolUseIds,
      seenOutputBytes: this.#bytes.seenOutputBytes,
      error: text("error>type") ?? "",
      hasServerTools: this.#hasServerTools,
      otherModels: this.#besides.advisors,
    };
  }

  /** Fast answers have a price of their own, and the tier does not say that they are. */
  #serviceTier(): string {
    const speed = this.#texts.get("usage>speed") ?? this.#texts.get("message>usage>speed");
    if (speed === "fast") return speed;
    return this.#texts.get("usage>service_tier") ?? this.#texts.get("message>usage>service_tier") ?? "";
  }

  #taken(path: Text): string {
    const text = this.#texts.get(path) ?? "";
    this.#texts.delete(path);
    return text;
  }
}

const advisorsMax = 8;

class BesidesTotals {
  compactions = nothingUsed;
  readonly advisors = new Map<string, TokenUsage>();

  add(type: string, model: string, usage: TokenUsage): void {
    if (type === "compaction") this.compactions = sumOf(this.compactions, usage);
    const known = this.advisors.get(model);
    if (type === "advisor_message" && (known !== undefined || this.advisors.size < advisorsMax))
      this.advisors.set(model, known === undefined ? usage : sumOf(known, usage));
  }
}

function put(into: Counts, name: Count | undefined, value: ProbedValue): void {
  const count = name && tokenCount(value);
  if (name !== undefined && count !== undefined) into.set(name, count);
}

function usageOf(of: Counts): TokenUsage {
  const count = (name: Count): number => of.get(name) ?? 0;
  const longWrites = count("cache_creation>ephemeral_1h_input_tokens");
  // A later total comes without its parts; what it has more is of the usual kind.
  const shortWrites = Math.max(
    count("cache_creation>ephemeral_5m_input_tokens"),
    count("cache_creation_input_tokens") - longWrites,
  );
  return {
    inputTokens: count("input_tokens"),
    cacheReadTokens: count("cache_read_input_tokens"),
    cacheWrite5mTokens: shortWrites,
    cacheWrite1hTokens: longWrites,
    outputTokens: count("output_tokens"),
    reasoningTokens: count("output_tokens_details>thinking_tokens"),
    webSearches: count("server_tool_use>web_search_requests"),
    serviceTier: "",
  };
}
