// Asks a provider how many tokens a call reads, which Anthropic's kind tells for nothing. It is asked once, with the credential that
// the call would have, for a short time, and about a few calls at a time; whatever goes wrong, nothing is known, and the call is where it was. A count is an
// estimate by the provider's own word, so what is made of it has a margin. Nothing of it is written down, and the call itself is
// not touched.

import type { TollgateError } from "@tollgate/kernel/errors";
import type { BoundedModelCall } from "../pipeline/call.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { ResponseHead } from "../outgoing/outgoing.ts";
import { Attempt, type AttemptEvents } from "./attempt.ts";
import { stickyOf, type ModelErrand } from "./errand.ts";
import { headersToProvider } from "./headers.ts";
import type { Providers } from "./providers.ts";
import { countBodyOf } from "./wire/count-body.ts";

export type Counting = { readonly providers: Providers; readonly deadlines: Deadlines };

/** At a time, of a worker. At the edge of a budget all calls of its scope come to it, and a provider bounds its counts as well. */
const countsMax = 16;
const countMsMax = 2_000;
const answerBytesMax = 16 * 1024;
/** How much more may be billed than was counted: a twentieth, and what stands around a short request. */
const marginParts = 20;
const marginTokensMin = 512;

/** Whether what it reads is in its body, and nothing else reads for it. */
export function isCountable({ call }: BoundedModelCall<ModelErrand>): boolean {
  if (call.sent.kind !== "call" || call.sent.request.operation !== "messages") return false;
  const { hasInputElsewhere, hasServerTools, hasFreeFallback, otherModels } = call.sent.request;
  return !hasInputElsewhere && !hasServerTools && !hasFreeFallback && otherModels.length === 0;
}

/** The most that it reads, or undefined, as where too many are counted already. Calls back once. */
export type CountInput = (
  bounded: BoundedModelCall<ModelErrand>,
  onDone: (tokensMost: number | undefined) => void,
) => void;

export function openCounting(counting: Counting): CountInput {
  let underWay = 0;
  return (bounded, onDone) => {
    if (underWay >= countsMax) return onDone(undefined);
    underWay += 1;
    countInput(counting, bounded, (tokens) => {
      underWay -= 1;
      onDone(tokens);
    });
  };
}

function countInput(
  { providers, deadlines }: Counting,
  bounded: BoundedModelCall<ModelErrand>,
  onDone: (tokensMost: number | undefined) => void,
): void {
  const { call, provider, model } = bounded;
  const open = providers.of(provider);
  const [credential] = open.credentials.order(model, stickyOf(bounded));
  const bytes = call.body.peek();
  const body = bytes && countBodyOf(bytes, model);
  if (body === undefined || credential === undefined || !isCountable(bounded)) return onDone(undefined);
  const headers = headersToProvider(call.exchange.request, call.format.credentialHeader(credential.secret));
  headers.push("content-length", String(body.length));
  const count = new Count((tokens) => {
    unwatch();
    call.exchange.response.off("close", giveUp);
    attempt.drop();
    onDone(tokens);
  });
  const giveUp = (): void => count.end(undefined);
  const unwatch = deadlines.watch(countMsMax, giveUp);
  call.exchange.response.once("close", giveUp);
  const attempt = new Attempt(deadlines, countMsMax, count);
  attempt.start(open, { method: "POST", path: pathOf(call.sent.path), headers, body });
}

/** The query goes with it: betas stand in it. */
function pathOf(path: string): string {
  const at = path.indexOf("?");
  return at < 0 ? `${path}/count_tokens` : `${path.slice(0, at)}/count_tokens${path.slice(at)}`;
}

class Count implements AttemptEvents {
  private readonly onEnded: (tokensMost: number | undefined) => void;
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private isOver = false;

  constructor(onEnded: (tokensMost: number | undefined) => void) {
    this.onEnded = onEnded;
  }

  end(tokensMost: number | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onEnded(tokensMost);
  }

  onHead({ status }: ResponseHead): void {
    if (status !== 200) this.end(undefined);
  }

  onData(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > answerBytesMax) return this.end(undefined);
    this.chunks.push(chunk);
  }

  onEnd(): void {
    this.end(tokensMostIn(Buffer.concat(this.chunks)));
  }

  onFailed(_error: TollgateError): void {
    this.end(undefined);
  }
}

function tokensMostIn(answer: Buffer): number | undefined {
  let said: unknown;
  try {
    said = JSON.parse(answer.toString("utf8"));
  } catch {
    return undefined;
  }
  const tokens = said !== null && typeof said === "object" && "input_tokens" in said ? said.input_tokens : undefined;
  if (typeof tokens !== "number" || !Number.isSafeInteger(tokens) || tokens < 0) return undefined;
  return tokens + Math.ceil(tokens / marginParts) + marginTokensMin;
}
