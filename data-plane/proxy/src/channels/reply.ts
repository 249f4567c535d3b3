// The HTTP response to one request of a caller. An answer that comes first goes out as JSON; once anything that belongs to
// the request came before it, everything goes out as an event stream. A problem is an HTTP error as long as nothing was
// sent; after that the connection is cut, because a stream that ended well would be taken for a server that does not answer.

import type { ServerResponse } from "node:http";
import { EventStream } from "./event-stream.ts";
import type { ChannelLimits } from "./limits.ts";
import { bodyOf, statusOf, type ChannelProblem } from "./problem.ts";

/** Where what belongs to one request goes. */
export type Reply = {
  /** What comes before the answer. */
  relate(message: Buffer, isDroppable: boolean): void;
  answer(message: Buffer): void;
  fail(why: ChannelProblem): void;
  /** Nothing more comes, and no answer. */
  end(): void;
};

export type ReplyParts = {
  response: ServerResponse;
  limits: Pick<ChannelLimits, "streamBytesMax" | "slowReaderBytes" | "slowReaderMsMax">;
  onDropped: () => void;
  /** Holds up the server; what is returned lets it go on. */
  holdUp: () => () => void;
};

export function createReply({ response, limits, onDropped, holdUp }: ReplyParts): Reply {
  let stream: EventStream | undefined;
  const opened = () => (stream ??= new EventStream(response, { bytesMax: limits.streamBytesMax, onDropped }));
  return {
    relate: (message, isDroppable) => opened().push(message, isDroppable),
    answer(message) {
      if (response.destroyed) return;
      if (stream === undefined) answerJson(response, 200, message);
      else {
        stream.push(message, false);
        stream.end();
      }
      if (message.length > limits.slowReaderBytes) holdWhileSlow(response, limits.slowReaderMsMax, holdUp());
    },
    fail(why) {
      if (stream === undefined) answerProblem(response, why);
      // He does not wait for an answer.
      else if (why.code === "channel.cancelled") stream.end();
      else response.destroy();
    },
    end: () => opened().end(),
  };
}

function holdWhileSlow(response: ServerResponse, msMax: number, goOn: () => void): void {
  const cut = setTimeout(() => response.destroy(), msMax);
  const over = () => {
    clearTimeout(cut);
    goOn();
  };
  if (response.writableFinished || response.destroyed) return over();
  response.once("finish", over);
  response.once("close", over);
}

export function answerJson(response: ServerResponse, status: number, body: string | Buffer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

export function answerProblem(response: ServerResponse, why: ChannelProblem): void {
  answerJson(response, statusOf(why), bodyOf(why));
}
