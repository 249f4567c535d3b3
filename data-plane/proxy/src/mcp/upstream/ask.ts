// Requests of the gate itself to a server, in whichever era: one question, one message that answers it, within the server's
// time. And what a server's refusals are called when they are none of the protocol's own.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Deadlines } from "../../upstream/deadlines.ts";
import type { Upstream, Upstreams } from "../../upstream/upstreams.ts";
import { memberFinder, MemberRefusal, textValue } from "../../bytes/members.ts";
import { readServerMessage } from "../wire/message.ts";
import { MessageExchange } from "./message-exchange.ts";

/** What it takes to ask one server. */
export type AskParts = {
  readonly upstream: Upstream;
  readonly upstreams: Pick<Upstreams, "secretHeaders">;
  readonly deadlines: Deadlines;
  readonly messageBytesMax: number;
};

export const postHeaders = [
  "content-type",
  "application/json",
  "accept",
  "application/json, text/event-stream",
] as const;

/** The message that answers a request of the gate's own, within the server's time. */
export function ask(
  { upstream, deadlines, messageBytesMax }: AskParts,
  headers: readonly string[],
  id: number,
  method: string,
  params: string,
  meter: (bytes: number) => TollgateError | undefined = () => undefined,
  onStatus: (status: number) => void = nothing,
): Promise<{ message: Buffer; headers: IncomingHttpHeaders }> {
  const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
  return new Promise((resolve, reject) => {
    let head: IncomingHttpHeaders = {};
    const unwatch = deadlines.watch(upstream.timeoutMs, () => exchange.abort(new TollgateError("upstream.timeout")));
    const fail = (error: TollgateError): void => {
      unwatch();
      exchange.drop();
      reject(error);
    };
    const exchange = new MessageExchange(
      { method: "POST", headers, body, messageBytesMax },
      {
        onBegun: (begun) => (head = begun),
        onMessage(bytes) {
          const tooMuch = meter(bytes.length);
          if (tooMuch !== undefined) return fail(tooMuch);
          const message = readServerMessage(bytes);
          if (message?.kind !== "response" || message.id !== String(id)) return;
          unwatch();
          exchange.drop();
          resolve({ message: bytes, headers: head });
        },
        onEnd: () => fail(new TollgateError("upstream.protocol", `It did not answer ${method}.`)),
        onRejected(status, _headers, rejected) {
          onStatus(status);
          const message = readServerMessage(rejected);
          unwatch();
          if (message?.kind === "response" && message.at.error !== undefined && status < 500)
            return resolve({ message: rejected, headers: head });
          fail(
            channelProblem(status, rejected) ??
              new TollgateError("upstream.protocol", `It answered ${method} with status ${status}.`),
          );
        },
        onFailed: fail,
      },
    );
    exchange.start(upstream);
  });
}

/** What a channel says of a program that cannot be reached. */
export function channelProblem(status: number, body: Buffer): TollgateError | undefined {
  if (status < 500 || !body.includes('"channel.')) return undefined;
  return new TollgateError("upstream.unreachable", messageIn(body));
}

const findMessage = memberFinder(["error>message"]);

/** Any server may send what only looks like a channel's word. */
function messageIn(body: Buffer): string | undefined {
  try {
    return textValue(body, findMessage(body)["error>message"]);
  } catch (error) {
    if (error instanceof MemberRefusal) return undefined;
    throw error;
  }
}

function nothing(): void {
  // Whatever becomes of it changes nothing here.
}
