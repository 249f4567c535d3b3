// One request over a pool of connections, and its answer as a promise.

import type { IncomingHttpHeaders } from "node:http";
import type { OutgoingRequest } from "@tollgate/proxy/outgoing/outgoing";
import type { OutgoingPool } from "@tollgate/proxy/outgoing/pool";

export type PoolAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** When it is whole. */
  text(): Promise<string>;
};

/** Resolves when the head has come. */
export function askPool(pool: Pick<OutgoingPool, "dispatch">, request: Partial<OutgoingRequest>): Promise<PoolAnswer> {
  const whole = Promise.withResolvers<string>();
  // Who waits for the head hears of it there.
  whole.promise.catch(() => undefined);
  return new Promise((resolve, reject) => {
    let text = "";
    pool.dispatch(
      { method: "GET", path: "/", headers: [], body: null, ...request },
      {
        onRequestStart: () => undefined,
        onResponseStart: ({ status, headers }) => resolve({ status, headers, text: () => whole.promise }),
        onResponseData: (chunk) => void (text += chunk.toString("latin1")),
        onResponseEnd: () => whole.resolve(text),
        onResponseError(error) {
          reject(error);
          whole.reject(error);
        },
      },
    );
  });
}
