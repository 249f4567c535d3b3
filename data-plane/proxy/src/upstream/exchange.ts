// One whole exchange with a server for the gate's own purposes (sessions, lists), within a time. Bytes are counted as they
// come, before anything is made of them: a meter that has had enough ends the exchange there and then. Each piece is handed
// to a reader once; an event stream may end before its connection does, and the reader says when. For a client's call
// `relay.ts` is used instead.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Dispatcher } from "undici";
import type { Deadlines } from "./deadlines.ts";
import { failureOf } from "./failure.ts";
import type { Upstream } from "./upstreams.ts";

export type Exchanged<Answer> = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly answer: Answer;
};

export type BodyReader<Answer> = {
  /** True when nothing more is needed. */
  push(chunk: Buffer): boolean;
  /** Asked once, at the end. */
  answer(): Answer;
};

/** Counts bytes that have come; an error is the end of the exchange. */
export type Meter = (bytes: number) => TollgateError | undefined;

export type ExchangeRequest<Answer> = {
  readonly method: "POST" | "DELETE";
  readonly headers: readonly string[];
  readonly body: string | null;
  readonly timeoutMs: number;
  readonly meter: Meter;
  readonly readerOf: (headers: IncomingHttpHeaders) => BodyReader<Answer>;
};

export function meterUpTo(bytesMax: number): Meter {
  let bytes = 0;
  return (more) => {
    bytes += more;
    return bytes > bytesMax ? new TollgateError("upstream.too-large", `It may have ${bytesMax} bytes.`) : undefined;
  };
}

/** For an answer of which only the head matters. */
export const unread = (): BodyReader<undefined> => ({ push: () => false, answer: () => undefined });

export function exchange<Answer>(
  upstream: Upstream,
  deadlines: Deadlines,
  request: ExchangeRequest<Answer>,
): Promise<Exchanged<Answer>> {
  return new Promise((resolve, reject) => {
    const { method, body, timeoutMs, meter, readerOf } = request;
    let status = 0;
    let head: IncomingHttpHeaders = {};
    let reader = readerOf(head);
    let running: Dispatcher.DispatchController | undefined;
    let failed: Error | undefined;
    const unwatch = deadlines.watch(timeoutMs, () => fail(new TollgateError("upstream.timeout")));
    const done = () => {
      unwatch();
      resolve({ status, headers: head, answer: reader.answer() });
    };
    const fail = (error: unknown) => {
      unwatch();
      failed ??= failureOf(error);
      reject(failed);
      running?.abort(failed);
    };
    upstream.pool.dispatch(
      { path: upstream.path, method, headers: [...request.headers], body },
      {
        onRequestStart(controller) {
          running = controller;
          // It failed while it waited for a connection: what is not wanted any more must not hold one.
          if (failed) controller.abort(failed);
        },
        onResponseStart(_controller, code, headers) {
          status = code;
          head = headers;
          reader = readerOf(head);
        },
        onResponseData(controller, chunk) {
          if (failed) return;
          const tooMuch = meter(chunk.length);
          if (tooMuch !== undefined) return fail(tooMuch);
          if (!reader.push(chunk)) return;
          done();
          controller.abort(new TollgateError("upstream.protocol"));
        },
        onResponseEnd: done,
        onResponseError: (_controller, error) => fail(error),
      },
    );
  });
}
