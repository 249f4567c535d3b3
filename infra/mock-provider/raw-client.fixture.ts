// A client that sees what came over the wire and judges nothing: the head, the body's bytes, and whether it reached its end.
// SDKs repair and hide too much for tests of troubles. It opens a connection for each request.
import { request, type IncomingMessage } from "node:http";

export interface Seen {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** Why it did not reach its end, such as `ECONNRESET`; empty: it did. */
  readonly broken: string;
}

export interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Leaves once the body has so many bytes. */
  readonly leavesAfterBytes?: number;
  readonly signal?: AbortSignal;
}

const headBytesMax = 1024 * 1024;

export function fetchRaw(url: string, sending: Sending): Promise<Seen> {
  const { method = "POST", headers, body, leavesAfterBytes = Infinity, signal } = sending;
  return new Promise((done) => {
    const chunks: Buffer[] = [];
    let head: IncomingMessage | undefined;
    const end = (broken: string): void =>
      done({ status: head?.statusCode ?? 0, headers: head?.headers ?? {}, body: Buffer.concat(chunks), broken });
    const outgoing = request(url, {
      method,
      headers: { "content-type": "application/json", ...headers },
      agent: false,
      maxHeaderSize: headBytesMax,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.on("error", (error) => end(codeOf(error)));
    outgoing.on("response", (response) => {
      head = response;
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= leavesAfterBytes) outgoing.destroy(new Error("left"));
      });
      response.on("error", (error) => end(codeOf(error)));
      response.on("end", () => end(""));
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.message;
}
