// The half that both mock models share: a listener on loopback that reads a request whole, lets the mock answer, and keeps
// what came. It is also the proxy that clients are told to use for everything else, and refuses that: which hosts they
// wanted to reach is in `outside`, and nothing leaves the machine.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export interface ModelRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
}

export interface ModelListener extends AsyncDisposable {
  readonly url: string;
  /** All that came, in order; those to unknown paths, too. */
  readonly requests: readonly ModelRequest[];
  /** What the client wanted of the rest of the world, as `host:port` or URL. */
  readonly outside: readonly string[];
}

export type Answer = (request: ModelRequest, response: ServerResponse) => void;

const bodyBytesMax = 32 * 1024 * 1024;

export async function listenAsModel(answer: Answer): Promise<ModelListener> {
  const requests: ModelRequest[] = [];
  const outside: string[] = [];
  const server = createServer((request, response) => {
    const target = request.url ?? "/";
    if (/^https?:/.test(target)) {
      outside.push(target);
      response.writeHead(502).end();
      return;
    }
    receive(request)
      .then((body) => {
        const { method = "GET", headers } = request;
        const received = { method, path: target.split("?")[0] ?? target, headers, body };
        requests.push(received);
        answer(received, response);
      })
      // A mock that fails says so to the client, whose report then shows it.
      .catch((error: unknown) => sendJson(response, 400, { type: "error", error: { message: String(error) } }));
  });
  server.on("connect", (request, socket) => {
    outside.push(request.url ?? "?");
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a mock model has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    outside,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** Server-sent events whose type stands in the data, too, as both providers do it. */
export function sendEvents(response: ServerResponse, events: readonly { readonly type: string }[]): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}

async function receive(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part: Buffer = chunk;
    bytes += part.length;
    if (bytes > bodyBytesMax) throw new Error(`a request to a mock model has more than ${bodyBytesMax} bytes`);
    chunks.push(part);
  }
  return bytes === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
}
