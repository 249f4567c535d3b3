// A provider of models that is nobody's: it speaks Anthropic's and OpenAI's APIs on one port of loopback, says what a script
// tells it to, gets into whatever trouble it is told to, keeps every request and every byte of its answers, and books
// exactly what each request costs. Whoever puts a gate before it compares. It is started in a process that needs it, or
// as a program (main.ts). It holds no model, checks little of what a real provider would refuse, and knows no prices.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { anthropicApi } from "./anthropic/api.ts";
import type { Api, ApiError, Errand, Received } from "./api.ts";
import { usageOfPart, type Charge } from "./billing.ts";
import { Credentials, type RateLimit } from "./credentials.ts";
import { deliver, type Answer } from "./delivery.ts";
import { OpenExchange, type Exchange } from "./exchange.ts";
import { objectIn } from "./json-value.ts";
import { Plan } from "./plan.ts";
import type { Asked, Reply, Script, Trouble } from "./reply.ts";
import { settle } from "./tokens.ts";

export interface MockProviderOptions {
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
  readonly script?: Script;
  /** Keys that are accepted; absent: any. */
  readonly credentials?: readonly string[];
  /** What there is to list and to ask; absent: nothing is listed, and everything can be asked. */
  readonly models?: readonly string[];
  /** Of each answer's body; 0 keeps no exchange at all, for long runs. */
  readonly recordedBytesMax?: number;
  readonly now?: () => number;
}

export interface MockProvider extends AsyncDisposable {
  readonly url: string;
  /** All that came, in order; those to unknown paths, too. */
  readonly exchanges: readonly Exchange[];
  /** What clients wanted of the rest of the world, as `host:port` or URL, when told to use this as their proxy. */
  readonly outside: readonly string[];
  /** What each request costs that cost anything, in the order of their ends. */
  bill(): readonly Charge[];
  /** When nothing is under way any more. */
  settled(): Promise<void>;
  nameReply(name: string, reply: Reply | Script): void;
  queueReplies(...replies: readonly Reply[]): void;
  failCredential(key: string, trouble: Trouble, times?: number): void;
  limitCredential(key: string, limit: Partial<RateLimit>): void;
  mendCredential(key: string): void;
}

const bodyBytesMax = 64 * 1024 * 1024;
const recordedBytesMaxDefault = 256 * 1024 * 1024;
const keepAliveMs = 75_000;

export async function startMockProvider(options: MockProviderOptions = {}): Promise<MockProvider> {
  const { host = "127.0.0.1", port = 0 } = options;
  const desk = new Desk(options);
  const outside: string[] = [];
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, (request, response) => {
    const target = request.url ?? "/";
    if (/^https?:/.test(target)) {
      outside.push(target);
      response.writeHead(502).end();
      return;
    }
    desk.receive(request, response);
  });
  server.on("connect", (request, socket) => {
    outside.push(request.url ?? "?");
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the mock provider has no port");
  return {
    url: `http://${host}:${address.port}`,
    exchanges: desk.exchanges,
    outside,
    bill: () => [...desk.charges],
    settled: () => desk.settled(),
    nameReply: (name, reply) => desk.plan.name(name, reply),
    queueReplies: (...replies) => desk.plan.queue(replies),
    failCredential: (key, trouble, times = Infinity) => desk.credentials.fail(key, trouble, times),
    limitCredential: (key, limit) => desk.credentials.limit(key, limit),
    mendCredential: (key) => desk.credentials.mend(key),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

let startedCount = 0;

/** Where requests are taken, and their account is kept. */
class Desk {
  readonly exchanges: OpenExchange[] = [];
  readonly charges: Charge[] = [];
  readonly plan: Plan;
  readonly credentials: Credentials;
  readonly #models: readonly string[];
  readonly #recordedBytesMax: number;
  readonly #now: () => number;
  readonly #open = new Set<Promise<void>>();
  readonly #seed = `${process.pid} ${++startedCount}`;
  #count = 0;

  constructor({ script, credentials, models = [], recordedBytesMax, now = Date.now }: MockProviderOptions) {
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
    const api = apiFor(path, request.headers);
    const requestId = api.requestId(`${this.#seed} ${++this.#count}`);
    const exchange = new OpenExchange(requestId, request, this.#recordedBytesMax);
    if (this.#recordedBytesMax > 0) this.exchanges.push(exchange);
    const served = this.#serve(api, path, request, response, exchange)
      // A mock that fails says so to the client, whose report then shows it.
      .catch((error: unknown) => fail(response, error))
      .finally(() => this.#open.delete(served));
    this.#open.add(served);
  }

  async #serve(api: Api, path: string, request: IncomingMessage, response: ServerResponse, exchange: OpenExchange) {
    const body = await receiveBody(request);
    exchange.body = body.bytes;
    if (!body.isWhole) {
      exchange.end = "broken by client";
      return;
    }
    const { method = "GET", headers } = request;
    const received = { method, path, headers, body: objectIn(body.bytes) };
    await this.#answer(api, received, response, exchange);
  }

  async #answer(api: Api, received: Received, response: ServerResponse, exchange: OpenExchange): Promise<void> {
    const { requestId } = exchange;
    const credential = api.credentialOf(received.headers);
    const rates = this.credentials.enter(credential);
    const headers = api.headersOf(requestId, rates);
    const trouble = this.credentials.troubleOf(credential) ?? {};
    const send = (answer: Pick<Answer, "status" | "isStream" | "pieces" | "streamError">, with_: Trouble) => {
      const type = answer.isStream ? "text/event-stream; charset=utf-8" : "application/json";
      const head = [["Content-Type", type], ...(answer.isStream ? [noCache] : []), ...headers] as const;
      return deliver(response, { ...answer, headers: head }, with_, exchange);
    };
    const refuse = (error: ApiError, with_: Trouble) => {
      const { retryAfter } = with_;
      const more = retryAfter === undefined ? {} : { "retry-after": retryAfter };
      const pieces = [{ text: api.errorBody(error, requestId), outputTokens: 0 }];
      return send(
        { status: error.status, isStream: false, pieces },
        { ...with_, headers: { ...more, ...with_.headers } },
      );
    };
    const errand = api.errandOf(received, this.#models);
    // Asked without a key by clients that only want to know whether somebody is there.
    const isGreeting = received.path === "/api/hello" || received.path === "/";
    if (!isGreeting && !this.credentials.accepts(credential)) return void (await refuse({ status: 401 }, {}));
    if (rates.isSpent) {
      const retryAfter = String(Math.max(1, Math.ceil((rates.resetsAtMs - rates.nowMs) / 1000)));
      return void (await refuse({ status: 429 }, { retryAfter }));
    }
    if (trouble.status !== undefined) return void (await refuse(errorIn(trouble, trouble.status), trouble));
    if (errand.type === "refusal") return void (await refuse(errand.error, trouble));
    if (errand.type === "answer") {
      const pieces = [{ text: errand.json, outputTokens: 0 }];
      return void (await send({ status: errand.status, isStream: false, pieces }, trouble));
    }
    const asked = askedOf(api, errand, credential, received);
    const reply = this.plan.replyTo(asked);
    if (reply instanceof Error) return void (await refuse({ status: 400, message: reply.message }, trouble));
    const whole = { ...trouble, ...reply.trouble };
    if (whole.status !== undefined) return void (await refuse(errorIn(whole, whole.status), whole));
    await this.#speak(api, asked, { ...reply, trouble: whole }, requestId, send);
  }

  async #speak(
    api: Api,
    asked: Asked,
    reply: Reply & { readonly trouble: Trouble },
    requestId: string,
    send: (answer: Omit<Answer, "headers">, trouble: Trouble) => ReturnType<typeof deliver>,
  ): Promise<void> {
    const { trouble } = reply;
    const settled = settle(asked, reply, api.serviceTier);
    const said = api.answerTo(asked, reply, settled, this.#now());
    const error = { status: 529, type: trouble.errorType, message: trouble.errorMessage };
    const streamError = api.errorEvent(error, requestId);
    const { outputTokens, isWhole } = await send({ status: 200, ...said, streamError }, trouble);
    const isBrokenByClient = !isWhole && trouble.noticeTokens !== undefined;
    const generated = outputTokens + (isBrokenByClient ? (trouble.noticeTokens ?? 0) : 0);
    const billed = trouble.billed ?? (said.isStream && trouble.noHead === undefined ? "generated" : "whole");
    if (billed === "nothing") return;
    const usage = isWhole || billed === "whole" ? settled.usage : usageOfPart(settled.usage, generated);
    const { kind, operation, credential, model } = asked;
    this.charges.push({ requestId, kind, operation, credential, model, usage, isBrokenOff: !isWhole });
    this.credentials.spend(credential, usage);
  }
}

const noCache = ["Cache-Control", "no-cache"] as const;

function apiFor(_path: string, _headers: IncomingMessage["headers"]): Api {
  return anthropicApi;
}

function errorIn({ errorType, errorMessage }: Trouble, status: number): ApiError {
  return { status, type: errorType, message: errorMessage };
}

function askedOf(api: Api, errand: Extract<Errand, { type: "turn" }>, credential: string, received: Received): Asked {
  const { operation, asked } = errand;
  return { ...asked, kind: api.kind, operation, credential, headers: received.headers };
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
