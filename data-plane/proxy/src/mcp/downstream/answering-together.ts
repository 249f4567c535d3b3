// The answers to several requests that came in one body. They leave as one JSON array where nothing but answers has to be said,
// and each by itself on one stream as soon as anything else has: a notification, a question, or that the gate is alive.

import type { ServerResponse } from "node:http";
import { answerJson } from "../../http/answer.ts";
import type { EventStream } from "./event-stream.ts";

export type Together = {
  /** From now on there is a stream, with the answers that there are. */
  open(): EventStream;
  /** One of the requests has its answer; undefined where it gets none. */
  done(message: Buffer | string | undefined): void;
};

export function answerTogether(
  { response, requestId }: { response: ServerResponse; requestId: string },
  makeStream: () => EventStream,
  requests: number,
): Together {
  const answers: (Buffer | string)[] = [];
  let left = requests;
  let stream: EventStream | undefined;

  function open(): EventStream {
    if (stream === undefined) {
      stream = makeStream();
      if (!response.destroyed && !response.headersSent) stream.connect(response, requestId);
      for (const answer of answers.splice(0)) stream.send(Buffer.from(answer));
    }
    return stream;
  }

  return {
    open,
    done(message) {
      left--;
      if (message !== undefined) {
        if (stream === undefined) answers.push(message);
        else stream.send(Buffer.from(message));
      }
      if (left > 0) return;
      if (stream !== undefined) stream.end();
      // All were given up by the client, who waits for nothing.
      else if (answers.length === 0) response.destroy();
      else answerJson(response, requestId, 200, `[${answers.join(",")}]`);
    },
  };
}
