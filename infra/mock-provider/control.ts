// How a process that is not the mock's own tells it what to do and asks what was: under `/mock/` on the same port, as JSON.
// `GET /mock/bill`, `/mock/total` and `/mock/requests`; `POST /mock/queue` with a list of replies; `PUT /mock/replies/<name>` with one;
// `PUT /mock/credentials/<key>` with `fail` (and `times`) or `limit`; `DELETE` of it mends. There is no key to it: whoever
// reaches a mock may command it.
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { Desk } from "./desk.ts";
import type { Exchange } from "./exchange.ts";
import { isObject, numberOf } from "./json-value.ts";

const prefix = "/mock/";

export const isControl = (target: string): boolean => target.startsWith(prefix);

export async function control(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "GET", url = prefix } = request;
  const [what = "", name = ""] = url.slice(prefix.length).split("/").map(decodeURIComponent);
  const written = await text(request);
  const answer = done(desk, `${method} ${what}`, name, written);
  const status = answer === undefined ? 404 : 200;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(answer ?? { error: `the mock knows no ${method} ${url}` }));
}

/** What is answered; undefined: it is not known. */
function done(desk: Desk, what: string, name: string, written: string): unknown {
  const given: unknown = written === "" ? undefined : JSON.parse(written);
  switch (what) {
    case "GET bill":
      return desk.account.charges();
    case "GET total":
      return desk.account.total();
    case "GET requests":
      return desk.exchanges.map(summaryOf);
    case "POST queue":
      if (!Array.isArray(given)) return undefined;
      desk.plan.queue(given);
      return {};
    case "PUT replies":
      if (!isObject(given)) return undefined;
      desk.plan.name(name, given);
      return {};
    case "PUT credentials":
      if (!isObject(given)) return undefined;
      if (isObject(given["fail"])) desk.credentials.fail(name, given["fail"], numberOf(given["times"]) ?? Infinity);
      if (isObject(given["limit"])) desk.credentials.limit(name, given["limit"]);
      return {};
    case "DELETE credentials":
      desk.credentials.mend(name);
      return {};
    default:
      return undefined;
  }
}

function summaryOf({ requestId, method, target, rawHeaders, body, status, sentBytes, end }: Exchange) {
  return { requestId, method, target, rawHeaders, bodyBytes: body.length, status, sentBytes, end };
}
