// Reads answers of `responses`. A stream ends with an event that holds the whole answer, what it used included; the items
// before it are read, too, because a stream that breaks off has asked for calls all the same.

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
  "usage>input_tokens",
  "usage>input_tokens_details>cached_tokens",
  "usage>input_tokens_details>cache_write_tokens",
  "usage>output_tokens",
  "usage>output_tokens_details>reasoning_tokens",
  "usage>total_tokens",
  "tool_usage>web_search>num_requests",
] as const;

const texts = ["model", "status", "service_tier", "incomplete_details>reason", "error>code", "error>type"] as const;

/** Where an item stands: as an event of its own, in an answer in one piece, and in the event that ends a stream. */
const items = ["item", "output>*", "response>output>*"] as const;

const itemTexts = ["type", "status", "call_id", "action>type"] as const;

type Count = (typeof counts)[number];
type Text = (typeof texts)[number];
type Item = (typeof items)[number];
type ItemText = `${Item}>${(typeof itemTexts)[number]}`;
type Path = Count | Text | `response>${Count | Text}` | Item | ItemText | "code";

const countAt = new Map<Path, Count>(
  counts.flatMap((name): [Path, Count][] => [
    [name, name],
    [`response>${name}`, name],
  ]),
);
const textAt = new Map<Path, Text>(
  texts.flatMap((name): [Path, Text][] => [
    [name, name],
    [`response>${name}`, name],
  ]),
);

const plan = probePlan<Path>({
  paths: [
    ...countAt.keys(),
    ...textAt.keys(),
    ...items,
    ...items.flatMap((item) => itemTexts.map((name): ItemText => `${item}>${name}`)),
    "code",
  ],
  counted: ["delta"],
});

/** Repeats of what came before, or of what comes at the end. */
const skipped = new Set([
  "response.in_progress",
  "response.output_text.done",
  "response.content_part.added",
  "response.content_part.done",
  "response.function_call_arguments.done",
  "response.reasoning_summary_text.done",
  "response.reasoning_text.done",
]);

const serverCalls = new Set(["web_search_call", "file_search_call", "code_interpreter_call", "mcp_call"]);

export class ResponsesAnswer implements AnswerReader, AnswerEvents<Path> {
  readonly #bytes: AnswerBytes<Path>;
  readonly #counts = new Map<Count, number>();
  readonly #texts = new Map<Text, string>();
  readonly #ofItem = new Map<Path, string>();
  readonly #toolUseIds = new Set<string>();
  readonly #searches = { item: 0, "output>*": 0, "response>output>*": 0 } satisfies Record<Item, number>;
  #hasServerTools = false;
  #errorCode = "";
  #isStopped = false;

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
    return skipped.has(type);
  }

  onValue(path: Path, value: ProbedValue): void {
    const name = countAt.get(path);
    const count = tokenCount(value);
    if (name !== undefined && count !== undefined) this.#counts.set(name, count);
    if (typeof value !== "string") return;
    const text = textAt.get(path);
    if (text !== undefined) this.#texts.set(text, value);
    else if (path === "code") this.#errorCode = value;
    else this.#ofItem.set(path, value);
  }

  onEnd(path: Path): void {
    if (path !== "item" && path !== "output>*" && path !== "response>output>*") return;
    const text = (name: (typeof itemTexts)[number]): string => this.#ofItem.get(`${path}>${name}`) ?? "";
    const callId = text("call_id");
    // What the provider calls itself has no such id.
    if (callId !== "" && text("type").endsWith("_call") && this.#toolUseIds.size < toolUseIdsMax)
      this.#toolUseIds.add(callId);
    if (serverCalls.has(text("type"))) this.#hasServerTools = true;
    const isSearch = text("type") === "web_search_call" && ["", "search"].includes(text("action>type"));
    // The same item is an event when it begins, and one when it is done.
    if (isSearch && (path !== "item" || text("status") === "completed")) this.#searches[path]++;
    this.#ofItem.clear();
  }

  onEvent(): void {
    if (this.#isOver()) this.#isStopped = true;
  }

  reading(): AnswerReading {
    const count = (name: Count): number => this.#counts.get(name) ?? 0;
    const text = (name: Text): string => this.#texts.get(name) ?? "";
    const searches = this.#searches;
    const searchesSeen = Math.max(searches.item, searches["output>*"], searches["response>output>*"]);
    return {
      usage: usageOf(
        {
          input: count("usage>input_tokens"),
          cached: count("usage>input_tokens_details>cached_tokens"),
          written: count("usage>input_tokens_details>cache_write_tokens"),
          output: count("usage>output_tokens"),
          reasoning: count("usage>output_tokens_details>reasoning_tokens"),
          total: count("usage>total_tokens"),
          webSearches: this.#counts.get("tool_usage>web_search>num_requests") ?? searchesSeen,
        },
        text("service_tier"),
      ),
      said: { input: this.#counts.has("usage>input_tokens"), output: this.#counts.has("usage>output_tokens") },
      isComplete: this.#isStopped || (this.#bytes.isWhole && (this.#isOver() || text("status") === "")),
      model: text("model"),
      stopReason: text("incomplete_details>reason") || (this.#isOver() ? text("status") : ""),
      toolUseIds: [...this.#toolUseIds],
      seenOutputBytes: this.#bytes.seenOutputBytes,
      error: text("error>code") || text("error>type") || this.#errorCode,
      hasServerTools: this.#hasServerTools,
      otherModels: new Map(),
    };
  }

  #isOver(): boolean {
    const status = this.#texts.get("status") ?? "";
    return status !== "" && status !== "in_progress" && status !== "queued";
  }
}
