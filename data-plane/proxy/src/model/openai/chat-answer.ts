// Reads answers of `chat/completions` and of `embeddings`. A stream says what it used in one chunk at its end, if it was asked
// to; some providers say it with every chunk, and the last one holds. Its end is `[DONE]`, or the
// stream's own behind what it used.

import { probePlan, type ProbedValue } from "../../bytes/member-probe.ts";
import {
  AnswerBytes,
  toolUseIdsMax,
  type AnswerEvents,
  type AnswerForm,
  type AnswerReader,
  type AnswerReading,
} from "../wire/answer.ts";
import { tokenCount } from "../wire/token-usage.ts";
import { usageOf } from "./counts.ts";

const counts = [
  "usage>prompt_tokens",
  "usage>completion_tokens",
  "usage>total_tokens",
  "usage>prompt_tokens_details>cached_tokens",
  "usage>prompt_tokens_details>cache_write_tokens",
  // DeepSeek's name for what was read from its cache.
  "usage>prompt_cache_hit_tokens",
  "usage>completion_tokens_details>reasoning_tokens",
] as const;

const texts = ["model", "service_tier", "choices>*>finish_reason", "error>type", "error>code"] as const;

const toolUseIds = ["choices>*>delta>tool_calls>*>id", "choices>*>message>tool_calls>*>id"] as const;

type Count = (typeof counts)[number];
type Text = (typeof texts)[number];
type Path = Count | Text | (typeof toolUseIds)[number];

const plan = probePlan<Path>({
  paths: [...counts, ...texts, ...toolUseIds],
  counted: [
    "choices>*>delta>content",
    "choices>*>delta>refusal",
    "choices>*>delta>reasoning_content",
    "choices>*>delta>reasoning",
    "choices>*>delta>tool_calls>*>function>arguments",
    "choices>*>delta>tool_calls>*>custom>input",
    "choices>*>delta>function_call>arguments",
  ],
});

const toolUsePaths: ReadonlySet<string> = new Set(toolUseIds);

export class ChatAnswer implements AnswerReader, AnswerEvents<Path> {
  readonly #bytes: AnswerBytes<Path>;
  readonly #counts = new Map<Path, number>();
  readonly #texts = new Map<Path, string>();
  readonly #toolUseIds = new Set<string>();
  #isDone = false;
  #isEnded = false;

  constructor(form: AnswerForm) {
    this.#bytes = new AnswerBytes(form, plan, this);
  }

  push(chunk: Buffer): void {
    this.#bytes.push(chunk);
  }

  end(): void {
    this.#isEnded = !this.#bytes.end().isCut;
  }

  isSkipped(): boolean {
    return false;
  }

  onValue(path: Path, value: ProbedValue): void {
    if (typeof value === "string") {
      if (!toolUsePaths.has(path)) this.#texts.set(path, value);
      // A call's later pieces repeat its id at some providers, or have an empty one.
      else if (value !== "" && this.#toolUseIds.size < toolUseIdsMax) this.#toolUseIds.add(value);
      return;
    }
    const count = tokenCount(value);
    if (count !== undefined) this.#counts.set(path, count);
  }

  onEnd(): void {
    // No object or array is waited for.
  }

  onEvent(_type: string, isMark: boolean): void {
    if (isMark) this.#isDone = true;
  }

  reading(): AnswerReading {
    const count = (path: Count): number => this.#counts.get(path) ?? 0;
    const text = (path: Text): string => this.#texts.get(path) ?? "";
    const hasInput = this.#counts.has("usage>prompt_tokens");
    const hasOutput = this.#counts.has("usage>completion_tokens") || this.#counts.has("usage>total_tokens");
    const stopReason = text("choices>*>finish_reason");
    return {
      usage: usageOf(
        {
          input: count("usage>prompt_tokens"),
          cached:
            this.#counts.get("usage>prompt_tokens_details>cached_tokens") ?? count("usage>prompt_cache_hit_tokens"),
          written: count("usage>prompt_tokens_details>cache_write_tokens"),
          output: count("usage>completion_tokens"),
          reasoning: count("usage>completion_tokens_details>reasoning_tokens"),
          total: count("usage>total_tokens"),
          webSearches: 0,
        },
        text("service_tier"),
      ),
      said: { input: hasInput, output: hasOutput },
      // Not every provider writes the mark.
      isComplete: this.#isDone || this.#bytes.isWhole || (this.#isEnded && hasOutput && stopReason !== ""),
      model: text("model"),
      stopReason,
      toolUseIds: [...this.#toolUseIds],
      seenOutputBytes: this.#bytes.seenOutputBytes,
      error: text("error>code") || text("error>type"),
      hasServerTools: false,
      otherModels: new Map(),
    };
  }
}
