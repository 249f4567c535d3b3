// One call to a provider and back. Attempts follow each other, each with another of the provider's credentials, as long as
// the client has seen nothing: what could be served by another is not its concern. The last answer is relayed as it is, chunk by
// chunk. Whoever goes first, client or provider, the other side hears of it, and the call is settled and written down
// before the client has its end.

import { errors, type TollgateError } from "@tollgate/kernel/errors";
import type { Log } from "../log-output.ts";
import type { BoundedModelCall, Refusal, Step } from "../pipeline/call.ts";
import { noHeadroom, type ModelAccounts, type ModelCompletion, type ModelOutcome } from "../pipeline/model-record.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { ResponseHead } from "../outgoing/outgoing.ts";
import { Attempt, type AttemptEvents, type AttemptRequest } from "./attempt.ts";
import { inputSaidIn } from "./bound.ts";
import type { Credential, Experience } from "./credentials.ts";
import { stickyOf, type ModelErrand } from "./errand.ts";
import type { StreamFilter } from "./format.ts";
import { headersToProvider } from "./headers.ts";
import type { OpenProvider, Providers } from "./providers.ts";
import { countUnavailable, isAboutModel, lookedAtBytesMax, refusalFor } from "./provider-refusals.ts";
import { Relay } from "./relay.ts";
import { experienceOf, isRetried } from "./retry.ts";
import { seenTokensIn, settle, type Ending } from "./settle.ts";
import type { AnswerForm, AnswerReader } from "./wire/answer.ts";
import { bodyFor } from "./wire/request.ts";

export type Forwarding = {
  readonly providers: Providers;
  readonly deadlines: Deadlines;
  readonly accounts: ModelAccounts;
  readonly log: Log;
};

export function forward(parts: Forwarding): Step<BoundedModelCall<ModelErrand>> {
  return (bounded) => new Forward(parts, bounded).start();
}

class Forward implements AttemptEvents {
  private readonly parts: Forwarding;
  private readonly bounded: BoundedModelCall<ModelErrand>;
  private readonly open: OpenProvider;
  private readonly credentials: readonly Credential[];
  private readonly failed: string[] = [];
  /** As it goes out, until an answer to it is relayed. */
  private body: Buffer | undefined;
  private tried = 0;
  /** Attempts that were sent and of which nobody heard. */
  private unheard = 0;
  private attempt: Attempt | undefined;
  private head: ResponseHead | undefined;
  private relay: Relay | undefined;
  private reader: AnswerReader | undefined;
  /** Of an answer, as long as it is not known what it becomes. */
  private lookedAt: Buffer[] | undefined;
  private responseBytes = 0;
  /** The line to the provider broke: nobody knows whether it goes on. */
  private isLost = false;
  private firstByteMs = 0;
  private isOver = false;

  constructor(parts: Forwarding, bounded: BoundedModelCall<ModelErrand>) {
    this.parts = parts;
    this.bounded = bounded;
    this.open = parts.providers.of(bounded.provider);
    const { sent, body } = bounded.call;
    const bytes = body.take();
    this.body = sent.kind === "call" && bytes !== undefined ? bodyFor(sent.request, bytes, bounded.model) : bytes;
    this.credentials = this.open.credentials.order(bounded.model, stickyOf(bounded));
  }

  start(): void {
    const { response } = this.bounded.call.exchange;
    if (response.destroyed) return this.clientClosed();
    response.on("close", () => this.clientClosed());
    if (this.credentials.length > 0) return this.tryNext();
    this.finish("provider-failed", { kind: "unused" }, this.refusing({ code: "upstream.credentials-missing" }));
  }

  private get credential(): Credential | undefined {
    return this.credentials[this.tried - 1];
  }

  private get hasOthers(): boolean {
    return this.tried < this.credentials.length;
  }

  private tryNext(): void {
    this.tried += 1;
    this.isLost = false;
    this.head = undefined;
    this.lookedAt = undefined;
    this.attempt = new Attempt(this.parts.deadlines, this.open.timeoutMs, this);
    this.attempt.start(this.open, this.request());
  }

  private request(): AttemptRequest {
    const { sent, exchange, format } = this.bounded.call;
    const headers = headersToProvider(exchange.request, format.credentialHeader(this.credential?.secret ?? ""));
    if (this.body !== undefined) headers.push("content-length", String(this.body.length));
    return { method: exchange.request.method ?? "POST", path: sent.path, headers, body: this.body };
  }

  private learned(experience: Experience): void {
    if (this.credential !== undefined) this.open.credentials.learned(this.credential.name, experience);
  }

  private giveUp(attempt: Attempt | undefined, reason: string): void {
    this.failed.push(`${this.credential?.name ?? ""} ${reason}`);
    attempt?.discard();
    this.tryNext();
  }

  onHead(head: ResponseHead): void {
    const { status, headers } = head;
    this.head = head;
    this.learned(experienceOf(status, headers, Date.now()));
    if (isRetried(status) && this.hasOthers) return this.giveUp(this.attempt, String(status));
    this.firstByteMs = performance.now();
    const refusal = refusalFor(this.bounded.call, status);
    if (refusal === undefined) return this.relayFrom(head);
    if (refusal === "look") this.lookedAt = [];
    else this.refuseInstead(refusal);
  }

  private refuseInstead(refusal: Refusal): void {
    this.attempt?.discard();
    this.finish("provider-failed", { kind: "unused" }, this.refusing(refusal));
  }

  private relayFrom(head: ResponseHead): void {
    const { status, headers } = head;
    const { call } = this.bounded;
    const form = headers["content-type"]?.startsWith("text/event-stream") === true ? "events" : "json";
    this.reader = readerFor(call, status, form);
    this.relay = new Relay({
      ...{ response: call.exchange.response, deadlines: this.parts.deadlines, flow: this },
      filter: form === "events" ? filterFor(call) : undefined,
      length: headers["content-length"],
    });
    // Nothing is tried again from here on.
    this.body = undefined;
    call.body.letGo();
    const { reservation } = this.bounded;
    const told = reservation === undefined ? "" : reservation.told(call.format.standingLines);
    this.relay.begin(head, call.requestId, told);
  }

  /** Enough was seen to decide. */
  private looked(): void {
    const body = Buffer.concat(this.lookedAt ?? []);
    this.lookedAt = undefined;
    if (this.head === undefined || !isAboutModel(body)) return this.refuseInstead(countUnavailable);
    this.relayFrom(this.head);
    this.relayed(body);
  }

  onData(chunk: Buffer): void {
    this.responseBytes += chunk.length;
    if (this.lookedAt === undefined) return this.relayed(chunk);
    this.lookedAt.push(chunk);
    if (this.responseBytes > lookedAtBytesMax) this.looked();
  }

  private relayed(chunk: Buffer): void {
    this.reader?.push(chunk);
    if (this.isCovered()) return this.relay?.write(chunk);
    this.attempt?.drop();
    this.finish("provider-failed", this.ending(), () => this.cut());
  }

  /** Without the head of a stream there is an answer of its own. */
  private cut(): void {
    const { call } = this.bounded;
    if (this.relay?.isSeen !== true) return call.answerRefusal({ code: "budget.held" });
    this.relay.cut(
      call.format.errorEvent("budget.held", "The stream was cut: it costs more than is left.", call.requestId),
    );
  }

  /** Whether what it holds pays for what was seen of it. */
  private isCovered(): boolean {
    const { reservation } = this.bounded;
    if (reservation?.isRunning !== true) return true;
    const reading = this.reader?.reading();
    if (reading === undefined) return true;
    return reservation.covers(seenTokensIn(reading), () => inputSaidIn(this.bounded, reading));
  }

  onEnd(): void {
    if (this.lookedAt !== undefined) this.looked();
    this.reader?.end();
    this.finish("answered", this.ending(), () => this.relay?.end());
  }

  onFailed(error: TollgateError): void {
    const { requestId } = this.bounded.call;
    const { name: provider } = this.bounded.provider;
    this.parts.log.debug({ requestId, provider, code: error.code, tried: this.tried }, "an attempt failed");
    this.isLost = true;
    if (this.relay?.isSeen === true)
      return this.finish(this.isComplete ? "answered" : "provider-failed", this.ending(), () => this.relay?.break());
    const detail = errors[error.code].class === "upstream" && error.detail !== undefined ? ` ${error.detail}` : "";
    const refusal = { code: error.code, detail: `(${provider})${detail}` };
    // There was a head and nothing behind it.
    if (this.relay !== undefined) return this.finish("provider-failed", this.ending(), this.refusing(refusal));
    const wasSent = this.attempt?.wasSent() === true;
    this.learned({ kind: "trouble" });
    // Who has waited for a head until it was too late would wait as long again.
    const mayTryAgain = this.hasOthers && error.code === "upstream.unreachable";
    // What was sent and not heard of may cost all that it can, so another attempt has to be paid for beside it.
    if (mayTryAgain && (!wasSent || this.bounded.reservation?.again() !== false)) {
      if (wasSent) this.unheard += 1;
      return this.giveUp(undefined, error.code);
    }
    this.finish("provider-failed", { kind: wasSent ? "unheard" : "unused" }, this.refusing(refusal));
  }

  private clientClosed(): void {
    if (this.isOver) return;
    const wasSent = this.attempt?.wasSent() === true;
    this.attempt?.drop();
    // Some clients go as soon as they have read the last event, and do not wait for the end behind it.
    const outcome = this.isComplete ? "answered" : "client-closed";
    this.finish(outcome, wasSent ? this.ending() : { kind: "unused" }, () => this.relay?.break());
  }

  pause(): void {
    this.attempt?.pause();
  }

  resume(): void {
    this.attempt?.resume();
  }

  private get isComplete(): boolean {
    return this.reader?.reading().isComplete === true;
  }

  private ending(): Ending {
    const wasRefused = this.head !== undefined && this.head.status >= 300;
    return wasRefused ? { kind: "unused" } : { kind: "answer", reading: this.reader?.reading() };
  }

  private refusing(refusal: Refusal): () => void {
    return () => this.bounded.call.answerRefusal(refusal);
  }

  private finish(outcome: ModelOutcome, ending: Ending, release: () => void): void {
    if (this.isOver) return;
    this.isOver = true;
    this.parts.accounts.completed(
      this.bounded,
      () => this.completion(outcome, ending),
      () => this.letGo(release),
    );
  }

  /** Called by whoever wrote the fact down: a bug may cost this answer, and no other that waits for its own. */
  private letGo(release: () => void): void {
    const { requestId, exchange } = this.bounded.call;
    try {
      release();
    } catch (error) {
      this.parts.log.error({ err: error, requestId, code: "internal.bug" }, "the end of an answer met a bug");
      exchange.response.destroy();
    }
  }

  private completion(outcome: ModelOutcome, ending: Ending): ModelCompletion {
    const { bounded, head } = this;
    const { format } = bounded.call;
    const reading = this.reader?.reading();
    return {
      outcome,
      status: head?.status ?? 0,
      credential: this.credential?.name ?? "",
      modelServed: reading?.model ?? "",
      providerRequestId: head === undefined ? "" : format.providerRequestId(head.headers),
      stopReason: reading?.stopReason ?? "",
      toolUseIds: reading?.toolUseIds ?? [],
      headroom: head === undefined ? noHeadroom : format.headroomIn(head.headers),
      attempts: this.tried,
      failedAttempts: this.failed,
      responseBytes: this.responseBytes,
      firstByteMs: this.firstByteMs,
      ...this.settled(ending),
    };
  }

  private settled(ending: Ending): Pick<ModelCompletion, "settlement" | "end"> {
    const { bounded, unheard } = this;
    const settlement = settle(bounded, ending, unheard);
    const { costNanoUsd } = settlement;
    // What attempts of which nobody heard may cost is held beside it.
    const last = unheard === 0 ? settlement : settle(bounded, ending, 0);
    if (last.basis !== "estimated") return { settlement, end: { kind: "said", costNanoUsd } };
    if (this.isLost) return { settlement, end: { kind: "lost" } };
    return { settlement, end: { kind: "cancelled", seenTokens: seenTokensIn(this.reader?.reading()) } };
  }
}

/** What the provider calls an error used nothing, and tells it by its status. */
function readerFor({ sent, format }: ModelErrand, status: number, form: AnswerForm): AnswerReader | undefined {
  return sent.kind === "passed" || status >= 300 ? undefined : format.readerFor(sent.request.operation, form);
}

function filterFor({ sent, format }: ModelErrand): StreamFilter | undefined {
  return sent.kind === "passed" ? undefined : format.filterFor(sent.request);
}
