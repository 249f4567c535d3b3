// One whole exchange with a server for the gate's own purposes (sessions, lists): the answer is collected up to a limit,
// within a time. For a client's call `relay.ts` is used instead. An event stream may end before its connection does:
// `isEnough` says when.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Dispatcher } from "undici";
import type { Deadlines } from "./deadlines.ts";
import { failureOf } from "./failure.ts";
import type { Upstream } from "./upstreams.ts";

export type Exchanged = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

export type ExchangeRequest = {
  readonly method: "POST" | "DELETE";
  readonly headers: readonly string[];
  readonly body: string | null;
  readonly timeoutMs: number;
  readonly isEnough: (headers: IncomingHttpHeaders, body: Buffer) => boolean;
};

const bodyBytesMax = 8 * 1024 * 1024;

export function exchange(upstream: Upstream, deadlines: Deadlines, request: ExchangeRequest): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const { method, body, timeoutMs, isEnough } = request;
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let head: IncomingHttpHeaders = {};
    let running: Dispatcher.DispatchController | undefined;
    let failed: Error | undefined;
    const unwatch = deadlines.watch(timeoutMs, () => fail(new TollgateError("upstream.timeout")));
    const done = () => {
      unwatch();
      resolve({ status, headers: head, body: Buffer.concat(chunks, bytes) });
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
        },
        onResponseData(controller, chunk) {
          bytes += chunk.length;
          if (bytes > bodyBytesMax) return fail(new TollgateError("upstream.protocol", "Its answer is too large."));
          chunks.push(chunk);
          if (chunk.at(-1) !== 0x0a || !isEnough(head, Buffer.concat(chunks, bytes))) return;
          done();
          controller.abort(new TollgateError("upstream.protocol"));
        },
        onResponseEnd: done,
        onResponseError: (_controller, error) => fail(error),
      },
    );
  });
}
