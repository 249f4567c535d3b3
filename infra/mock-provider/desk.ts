// Where requests are taken and their account is kept: each is read whole, belongs to one of the two APIs, meets the troubles
// of its credential and of its reply, is answered, and is booked with what its answer cost when that is over, however it
// ended. What an answer looks like is its API's, and how it goes over the wire is the delivery's.
import type { IncomingMessage, ServerResponse } from "node:http";
import { anthropicApi } from "./anthropic/api.ts";
import type { Api, ApiError, Errand, Received } from "./api.ts";
import { Account, usageOfPart } from "./billing.ts";
import { Credentials, type Rates } from "./credentials.ts";
import { deliver, type Answer, type Delivered } from "./delivery.ts";
import { OpenExchange } from "./exchange.ts";
import { objectIn } from "./json-value.ts";
import { openAiApi } from "./openai/api.ts";
import { Plan } from "./plan.ts";
import type { Asked, Reply, Script, Trouble } from "./reply.ts";
import { settle } from "./tokens.ts";

export interface DeskOptions {
  readonly script?: Script;
  /** Keys that are accepted; absent: any. */
  readonly credentials?: readonly string[];
  /** What there is to list and to ask; absent: nothing is listed, and everything can be asked. */
  readonly models?: readonly string[];
  /** Of each answer's body; 0 keeps no exchange at all, for long runs. */
  readonly recordedBytesMax?: number;
  /** With gzip, for those who accept it, as the real ones do. Then what is sent is what is kept. */
  readonly compresses?: boolean;
  readonly now?: () => number;
}

interface Call {
  readonly api: Api;
  readonly received: Received;
  readonly credential: string;
  readonly rates: Rates;
  readonly isCompressed: boolean;
  readonly response: ServerResponse;
  readonly exchange: OpenExchange;
}

type Decision =
  | { readonly type: "refusal"; readonly error: ApiError; readonly trouble: Trouble }
  | { readonly type: "answer"; readonly status: number; readonly json: string; readonly trouble: Trouble }
  | { readonly type: "turn"; readonly asked: Asked; readonly reply: Reply; readonly trouble: Trouble };

const bodyBytesMax = 64 * 1024 * 1024;
const recordedBytesMaxDefault = 256 * 1024 * 1024;
const exchangesMax = 50_000;
const tooMany = new Error(`it keeps ${exchangesMax} exchanges; start it with recordedBytesMax 0 for more`);
let desksCount = 0;

export class Desk {
  readonly exchanges: OpenExchange[] = [];
  readonly account = new Account();
  readonly plan: Plan;
  readonly credentials: Credentials;
  readonly #models: readonly string[];
  readonly #recordedBytesMax: number;
  readonly #compresses: boolean;
  readonly #now: () => number;
  readonly #open = new Set<Promise<void>>();
  readonly #seed = `${process.pid} ${++desksCount}`;
  #requestsCount = 0;

  constructor(options: DeskOptions) {
    const { script, credentials, models = [], recordedBytesMax, compresses = false, now = Date.now } = options;
    this.#compresses = compresses;
    this.plan = new Plan(script);
    this.credentials = new Credentials(credentials, now);
    this.#models = models;
    this.#recordedBytesMax = recordedBytesMax ?? recordedBytesMaxDefault;
    this.#now = now;
  }

  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  receive(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const api = apiOf(path, request.headers);
    const requestId = api.requestId(`${this.#seed} ${++this.#requestsCount}`);
    const exchange = new OpenExchange(requestId, request, this.#recordedBytesMax);
    if (this.#recordedBytesMax > 0) this.exchanges.push(exchange);
    if (this.exchanges.length > exchangesMax) return fail(response, tooMany);
    const served = this.#serve(api, path, request, response, exchange)
      // A mock that fails says so to the client, whose report then shows it.
      .catch((error: unknown) => fail(response, error))
      .finally(() => this.#open.delete(served));
    this.#open.add(served);
  }

  async #serve(api: Api, path: string, request: IncomingMessage, response: ServerResponse, exchange: OpenExchange) {
    const { bytes, isWhole } = await receiveBody(request);
    exchange.body = bytes;
    if (!isWhole) {
      exchange.end = "broken by client";
      return;
    }
    const { method = "GET", headers } = request;
    const received = { method, path, headers, body: objectIn(bytes) };
    const credential = api.credentialOf(headers);
    const isCompressed = this.#compresses && /\bgzip\b/.test(String(headers["accept-encoding"] ?? ""));
    const rates = this.credentials.enter(credential);
    const call = { api, received, credential, rates, isCompressed, response, exchange };
    const decision = await this.#decide(call);
    if (decision.type === "turn") return this.#speak(call, decision);
    await (decision.type === "refusal" ? refuse(call, decision) : tell(call, decision));
  }

  async #decide({ api, received, credential, rates }: Call): Promise<Decision> {
    const errand = api.errandOf(received, this.#models);
    // Clients that only want to know whether somebody is there bring no key.
    if (errand.type === "answer" && errand.isForAll) return { ...errand, trouble: {} };
    if (!this.credentials.accepts(credential)) return { type: "refusal", error: { status: 401 }, trouble: {} };
    if (rates.isSpent) return { type: "refusal", error: { status: 429 }, trouble: { retryAfter: untilReset(rates) } };
    const trouble = this.credentials.troubleOf(credential) ?? {};
    if (trouble.status !== undefined) return refusalIn(trouble, trouble.status);
    if (errand.type !== "turn") return { ...errand, trouble };
    return this.#decideTurn(api, received, credential, errand, trouble);
  }

  async #decideTurn(
    api: Api,
    { headers }: Received,
    credential: string,
    { operation, asked: said }: Extract<Errand, { type: "turn" }>,
    ofCredential: Trouble,
  ): Promise<Decision> {
    const asked = { ...said, kind: api.kind, operation, credential, headers };
    const reply = await this.plan.replyTo(asked);
    if (reply instanceof Error)
      return { type: "refusal", error: { status: 400, message: reply.message }, trouble: ofCredential };
    const trouble = { ...ofCredential, ...reply.trouble };
    if (trouble.status !== undefined) return refusalIn(trouble, trouble.status);
    return { type: "turn", asked, reply, trouble };
  }

  async #speak(call: Call, { asked, reply, trouble }: Extract<Decision, { type: "turn" }>): Promise<void> {
    const { api, credential, exchange } = call;
    const { requestId } = exchange;
    const { kind, operation, model } = asked;
    const settled = settle(asked, reply, api.serviceTier);
    const said = api.answerTo(asked, reply, settled, this.#now());
    const error = { status: api.streamErrorStatus, type: trouble.errorType, message: trouble.errorMessage };
    const streamError = (event: number) => api.errorEvent(error, requestId, operation, event);
    const { outputTokens, isWhole } = await send(call, { status: 200, ...said, streamError }, trouble);
    const billed = trouble.billed ?? (said.isStream && trouble.noHead === undefined ? "generated" : "whole");
    if (billed === "nothing") return;
    const noticed = exchange.end === "broken by client" ? (trouble.noticeTokens ?? 0) : 0;
    const { usage: whole } = settled;
    const usage = isWhole || billed === "whole" ? whole : usageOfPart(whole, outputTokens + noticed);
    this.account.book({ requestId, kind, operation, credential, model, usage, isBrokenOff: !isWhole });
    this.credentials.spend(credential, usage);
  }
}

/** What both have is Anthropic's for those who say which version of it they speak. */
function apiOf(path: string, headers: IncomingMessage["headers"]): Api {
  const isAnthropic =
    headers["anthropic-version"] !== undefined || path.startsWith("/v1/messages") || path.startsWith("/api/");
  return isAnthropic ? anthropicApi : openAiApi;
}

function untilReset({ resetsAtMs, nowMs }: Rates): string {
  return String(Math.max(1, Math.ceil((resetsAtMs - nowMs) / 1000)));
}

function refusalIn(trouble: Trouble, status: number): Decision {
  const { errorType: type, errorMessage: message } = trouble;
  return { type: "refusal", error: { status, type, message }, trouble };
}

function send(call: Call, answer: Omit<Answer, "headers" | "isCompressed">, trouble: Trouble): Promise<Delivered> {
  const { api, received, rates, isCompressed, response, exchange } = call;
  const type = answer.isStream ? "text/event-stream; charset=utf-8" : "application/json";
  const headers = [
    ["Content-Type", type] as const,
    ...(answer.isStream ? [["Cache-Control", "no-cache"] as const] : []),
    ...api.headersOf(exchange.requestId, rates),
    ...(trouble.retryAfter === undefined ? [] : [["retry-after", trouble.retryAfter] as const]),
  ];
  const pieces = received.method === "HEAD" ? [] : answer.pieces;
  return deliver(response, { ...answer, isCompressed, headers, pieces }, trouble, exchange);
}

function refuse(call: Call, { error, trouble }: Extract<Decision, { type: "refusal" }>): Promise<Delivered> {
  const pieces = [{ text: call.api.errorBody(error, call.exchange.requestId), outputTokens: 0 }];
  return send(call, { status: error.status, isStream: false, pieces }, trouble);
}

function tell(call: Call, { status, json, trouble }: Extract<Decision, { type: "answer" }>): Promise<Delivered> {
  return send(call, { status, isStream: false, pieces: [{ text: json, outputTokens: 0 }] }, trouble);
}

async function receiveBody(request: IncomingMessage): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      const part: Buffer = chunk;
      length += part.length;
      if (length > bodyBytesMax) throw new Error(`a request has more than ${bodyBytesMax} bytes`);
      chunks.push(part);
    }
    return { bytes: Buffer.concat(chunks), isWhole: true };
  } catch (error) {
    if (!request.errored) throw error;
    return { bytes: Buffer.concat(chunks), isWhole: false };
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { "content-type": "text/plain" }).end(`the mock provider failed: ${String(error)}`);
}
