// What a gate changed on the way from a client to its model and back: the tap before the gate beside the mock provider's own
// record behind it, pair by pair, to the byte. It knows what a gate is there to change (the key, what is of one connection,
// the provider's limits) and lists everything else. Requests that the gate answered itself have no pair and are left out.
import type { Exchange } from "../../infra/mock-provider/exchange.ts";
import { headerIn, type Tapped } from "./tap.ts";

export interface Relayed {
  readonly tapped: Tapped;
  readonly exchange: Exchange;
}

export interface Sides {
  readonly tap: { readonly seen: readonly Tapped[] };
  readonly mock: { readonly exchanges: readonly Exchange[] };
}

export interface Meant {
  /** Before the paths that the provider has. */
  readonly path: string;
  /** The key that is the provider's. */
  readonly providerKey: string;
  /** The model that the provider is asked for, by what the client asked for. */
  readonly models?: Readonly<Record<string, string>>;
}

/** By the provider's number of the request, which the client is told; one for each request that the provider had. */
export function relayedIn({ tap, mock }: Sides): Relayed[] {
  return mock.exchanges.map((exchange) => {
    const { requestId } = exchange;
    const tapped = tap.seen.find(({ answerRawHeaders }) => requestIdIn(answerRawHeaders) === requestId);
    if (tapped === undefined) throw new Error(`no client was told of ${exchange.method} ${exchange.target}`);
    return { tapped, exchange };
  });
}

function requestIdIn(rawHeaders: readonly string[]): string | undefined {
  return headerIn(rawHeaders, "request-id") ?? headerIn(rawHeaders, "x-request-id");
}

/** Nothing, where only that was changed which was meant to be. */
export function changesIn(relayed: readonly Relayed[], meant: Meant): string[] {
  return relayed.flatMap((each) => changesOf(each, meant));
}

function changesOf({ tapped, exchange }: Relayed, { path, providerKey, models = {} }: Meant): string[] {
  const changes: string[] = [];
  const compare = (what: string, seen: string, wanted: string): void => {
    if (seen !== wanted) changes.push(`${tapped.target}: ${what}: ${difference(seen, wanted)}`);
  };
  compare("method", exchange.method, tapped.method);
  compare("target", path + exchange.target, tapped.target);
  compare("body", exchange.body.toString("latin1"), withModel(tapped.body.toString("latin1"), models));
  compare("headers", linesOf(exchange.rawHeaders, notRelayed), linesOf(tapped.rawHeaders, notRelayed));
  compare("credential", credentialsIn(exchange.rawHeaders).join(", "), providerKey);
  compare("encoding", headerIn(exchange.rawHeaders, "accept-encoding") ?? "", "identity");
  compare("status", String(tapped.status), String(exchange.status));
  compare("answer", tapped.answer.toString("latin1"), exchange.sent.toString("latin1"));
  compare(
    "answer's headers",
    linesOf(tapped.answerRawHeaders, notAnswered),
    linesOf(exchange.sentRawHeaders, notAnswered),
  );
  return changes;
}

/** Clients say it before all that could hold the same words, or it is the only one. */
function withModel(body: string, models: Readonly<Record<string, string>>): string {
  return body.replace(/("model":\s?)"([^"]*)"/, (whole, before: string, asked: string) => {
    const sent = models[asked];
    return sent === undefined ? whole : `${before}"${sent}"`;
  });
}

const ofConnection = ["connection", "keep-alive", "transfer-encoding", "content-length", "date", "host"];
const credentials = ["authorization", "x-api-key"];
const notRelayed = new RegExp(`^(${[...ofConnection, ...credentials, "accept-encoding"].join("|")})$`);
const notAnswered = new RegExp(
  `^(${[...ofConnection, "server", "set-cookie", "strict-transport-security", "alt-svc"].join("|")})$` +
    "|^(cf-|x-tollgate-|anthropic-ratelimit-|x-ratelimit-)" +
    // Whose account it is.
    "|^(anthropic-organization-id|openai-organization|openai-project)$",
);

function credentialsIn(rawHeaders: readonly string[]): string[] {
  return credentials.flatMap((name) => headerIn(rawHeaders, name)?.replace("Bearer ", "") ?? []);
}

/** Names without regard to case, in their order. */
function linesOf(rawHeaders: readonly string[], without: RegExp): string {
  const lines = rawHeaders.flatMap((text, index) =>
    index % 2 === 0 ? [[text.toLowerCase(), rawHeaders[index + 1] ?? ""] as const] : [],
  );
  return lines.flatMap(([name, value]) => (without.test(name) ? [] : [`${name}: ${value}`])).join("\n");
}

const shownChars = 160;

/** From a little before the place where they part. */
function difference(seen: string, wanted: string): string {
  let at = 0;
  while (at < seen.length && seen[at] === wanted[at]) at++;
  const part = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 20), at + shownChars));
  return `at ${at}: ${part(seen)} for ${part(wanted)}`;
}
