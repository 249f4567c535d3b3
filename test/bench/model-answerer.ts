// A provider of models that always says the same, for benchmarks: it reads of a request only where it ends, and its answers
// were made before the first one. With node's own server it would use more CPU than the gate before it; this costs some
// microseconds a call. Answers are as long, and have as many headers, as Anthropic's. Run as a process of its own:
// `node model-answerer.ts plain | stream`. It serves no client that sends a second request before it has the first answer.

import { createServer, type Socket } from "node:net";

const chunks = 64;
/** Slower than any of the subjects, so that each chunk comes alone, as tokens do. */
const chunkEveryMs = 2;

/** No more than the shortest question can have come to: what would cost more than it can is another case than the usual. */
const usage = {
  input_tokens: 95,
  cache_read_input_tokens: 40,
  cache_creation_input_tokens: 12,
  output_tokens: 60,
};
const message = { id: "msg_01Bench", type: "message", role: "assistant", model: "claude-sonnet-5" };

const headers = [
  "date: Sat, 28 Nov 2026 00:00:00 GMT",
  "anthropic-organization-id: 00000000-0000-4000-8000-000000000000",
  "request-id: req_011Bench0000000000000000",
  ...["requests", "tokens", "input-tokens", "output-tokens"].flatMap((kind) => [
    `anthropic-ratelimit-${kind}-limit: 400000`,
    `anthropic-ratelimit-${kind}-remaining: 399000`,
    `anthropic-ratelimit-${kind}-reset: 2026-11-28T00:00:00Z`,
  ]),
  "strict-transport-security: max-age=31536000; includeSubDomains; preload",
  "via: 1.1 google",
  "server: canned",
  "connection: keep-alive",
];

const plainBody = JSON.stringify({
  ...message,
  content: [{ type: "text", text: "Some words that answer the question. ".repeat(16) }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage,
});
const plain = head("application/json", `content-length: ${plainBody.length}`) + plainBody;
const streamHead = head("text/event-stream; charset=utf-8", "transfer-encoding: chunked");
const streamed = events().map((event) => Buffer.from(`${event.length.toString(16)}\r\n${event}\r\n`, "latin1"));
const streamEnd = "0\r\n\r\n";

function head(contentType: string, framing: string): string {
  return ["HTTP/1.1 200 OK", `content-type: ${contentType}`, framing, ...headers, "", ""].join("\r\n");
}

function events(): string[] {
  const event = (type: string, more: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const text = { index: 0, delta: { type: "text_delta", text: " some words of an answer" } };
  return [
    event("message_start", {
      message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
    }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    ...Array.from({ length: chunks - 5 }, () => event("content_block_delta", text)),
    event("content_block_stop", { index: 0 }),
    event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage }),
    event("message_stop", {}),
  ];
}

/** Finds the end of each request on one connection. */
function onRequests(socket: Socket, answer: () => void): void {
  let head = "";
  /** Of the body; undefined while its head is read, and infinite of one that says itself where it ends. */
  let left: number | undefined;
  socket.on("data", (bytes) => {
    let more = bytes.length;
    if (left === undefined) {
      head += bytes.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      more = head.length - end - "\r\n\r\n".length;
      const length = /\r\ncontent-length: *(\d+)/i.exec(head.slice(0, end))?.[1];
      left = length === undefined ? Infinity : Number(length);
    }
    left -= more;
    const isOver = left === Infinity ? bytes.toString("latin1").endsWith(streamEnd) : left <= 0;
    if (!isOver) return;
    head = "";
    left = undefined;
    answer();
  });
}

const streams = new Map<Socket, number>();

function nextChunks(): void {
  for (const [socket, at] of streams) {
    const chunk = streamed[at];
    if (chunk === undefined) throw new Error("a stream went on behind its end");
    if (at + 1 < streamed.length) {
      socket.write(chunk);
      streams.set(socket, at + 1);
    } else {
      streams.delete(socket);
      socket.write(Buffer.concat([chunk, Buffer.from(streamEnd)]));
    }
  }
}

const [kind] = process.argv.slice(2);
if (kind !== "plain" && kind !== "stream") throw new Error("usage: model-answerer plain | stream");
if (kind === "stream") setInterval(nextChunks, chunkEveryMs);

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.on("close", () => streams.delete(socket));
  onRequests(socket, () => {
    if (kind === "plain") return void socket.write(plain, "latin1");
    socket.write(streamHead, "latin1");
    streams.set(socket, 0);
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address)
    console.log(JSON.stringify({ ready: { url: `http://127.0.0.1:${address.port}` } }));
});
process.on("SIGTERM", () => process.exit(0));
