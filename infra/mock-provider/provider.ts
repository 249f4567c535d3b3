// A provider of models that is nobody's: it speaks Anthropic's and OpenAI's APIs on one port of loopback, says what a script
// tells it to, gets into whatever trouble it is told to, keeps every request and every byte of its answers, and books
// exactly what each request costs. Whoever puts a gate before it compares. It is started in a process that needs it, or
// as a program (main.ts). It holds no model, checks little of what a real provider would refuse, and knows no prices.
import { once } from "node:events";
import { createServer } from "node:http";
import type { Charge } from "./billing.ts";
import { control, isControl } from "./control.ts";
import type { RateLimit } from "./credentials.ts";
import { Desk, type DeskOptions } from "./desk.ts";
import type { Exchange } from "./exchange.ts";
import type { Reply, Script, Trouble, Usage } from "./reply.ts";

export interface MockProviderOptions extends DeskOptions {
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
}

export interface MockProvider extends AsyncDisposable {
  readonly url: string;
  /** All that came, in order; those to unknown paths, too. */
  readonly exchanges: readonly Exchange[];
  /** What clients wanted of the rest of the world, as `host:port` or URL, when told to use this as their proxy. */
  readonly outside: readonly string[];
  /** What each request costs that cost anything, in the order of their ends. */
  bill(): readonly Charge[];
  /** The sum of it; tiers are not added. */
  total(): Usage;
  /** When nothing is under way any more. */
  settled(): Promise<void>;
  /** For requests that give this name: in `x-mock-reply-name`, or as `[[reply:name]]` in their last user's text. */
  nameReply(name: string, reply: Reply | Script): void;
  /** For the next requests that name none, one each. */
  queueReplies(...replies: readonly Reply[]): void;
  /** So many requests with this key meet it; without a number all, until it is mended. */
  failCredential(key: string, trouble: Trouble, times?: number): void;
  limitCredential(key: string, limit: Partial<RateLimit>): void;
  mendCredential(key: string): void;
}

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
    if (!isControl(target)) return desk.receive(request, response);
    control(desk, request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  server.on("connect", (request, socket) => {
    outside.push(request.url ?? "?");
    // Who is refused may be gone at once.
    socket.on("error", () => undefined);
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
    bill: () => desk.account.charges(),
    total: () => desk.account.total(),
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
