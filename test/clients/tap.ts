// A listener between a client and the gate that passes everything on and keeps both sides to the byte: what the client sent,
// with its headers as they stood, and what it got. Laid beside the mock provider's exchanges it shows what the gate changed. The
// framing of HTTP is Node's; who leaves on one side leaves on the other. It ends with its scope.
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";

export interface Tapped {
  readonly method: string;
  /** With its query. */
  readonly target: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** 0: there was no answer. */
  readonly status: number;
  readonly answerRawHeaders: readonly string[];
  readonly answer: Buffer;
}

export interface Tap extends AsyncDisposable {
  readonly url: string;
  /** In the order in which they came. */
  readonly seen: readonly Tapped[];
}

interface Open extends Tapped {
  body: Buffer;
  status: number;
  answerRawHeaders: readonly string[];
  answer: Buffer;
}

export async function startTap(behind: string): Promise<Tap> {
  const seen: Open[] = [];
  const server = createServer((incoming, response) => {
    const { method = "GET", url = "/", rawHeaders } = incoming;
    const none = Buffer.alloc(0);
    const tapped: Open = {
      ...{ method, target: url, rawHeaders, body: none },
      ...{ status: 0, answerRawHeaders: [], answer: none },
    };
    seen.push(tapped);
    pass(behind, incoming, response, tapped);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function pass(behind: string, incoming: IncomingMessage, response: ServerResponse, tapped: Open): void {
  const { method, target, rawHeaders } = tapped;
  const { hostname, port } = new URL(behind);
  const sent = request({ hostname, port, method, path: target, headers: [...rawHeaders], agent: false });
  response.once("close", () => sent.destroy());
  sent.on("error", () => response.destroy());
  incoming.on("data", (chunk: Buffer) => (tapped.body = Buffer.concat([tapped.body, chunk])));
  incoming.on("error", () => sent.destroy());
  incoming.pipe(sent);
  sent.once("response", (answer) => {
    tapped.status = answer.statusCode ?? 0;
    tapped.answerRawHeaders = answer.rawHeaders;
    response.writeHead(tapped.status, answer.rawHeaders);
    response.flushHeaders();
    answer.on("data", (chunk: Buffer) => (tapped.answer = Buffer.concat([tapped.answer, chunk])));
    answer.once("close", () => {
      if (!answer.complete) response.destroy();
    });
    answer.pipe(response);
  });
}

/** Undefined where it is not there. */
export function headerIn(rawHeaders: readonly string[], name: string): string | undefined {
  const at = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? undefined : rawHeaders[at + 1];
}
