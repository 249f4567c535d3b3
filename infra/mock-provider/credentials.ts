// What holds for each key that a request may come with: troubles that befall only it, and how much it may ask for. Windows
// begin with the first request in them, as the provider's clock says. A key nobody spoke of is accepted without a limit, but
// for those that `known` does not name where it names any.
import type { Trouble, Usage } from "./reply.ts";

export interface RateLimit {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly windowMs: number;
}

/** What stands in the head of each answer. */
export interface Rates {
  readonly limit: RateLimit;
  readonly requestsLeft: number;
  readonly inputTokensLeft: number;
  readonly outputTokensLeft: number;
  readonly resetsAtMs: number;
  readonly nowMs: number;
  readonly isSpent: boolean;
}

const rateLimitDefault: RateLimit = {
  requests: 4_000,
  inputTokens: 2_000_000,
  outputTokens: 400_000,
  windowMs: 60_000,
};

interface Credential {
  limit: RateLimit;
  isLimited: boolean;
  beganAtMs: number;
  requests: number;
  inputTokens: number;
  outputTokens: number;
  trouble: Trouble | undefined;
  timesLeft: number;
}

export class Credentials {
  readonly #known: ReadonlySet<string> | undefined;
  readonly #now: () => number;
  readonly #byKey = new Map<string, Credential>();

  constructor(known: readonly string[] | undefined, now: () => number) {
    this.#known = known === undefined ? undefined : new Set(known);
    this.#now = now;
  }

  accepts(key: string): boolean {
    return key !== "" && (this.#known === undefined || this.#known.has(key));
  }

  /** So many requests with this key meet it, from now on. */
  fail(key: string, trouble: Trouble, times: number): void {
    Object.assign(this.#of(key), { trouble, timesLeft: times });
  }

  limit(key: string, limit: Partial<RateLimit>): void {
    Object.assign(this.#of(key), { limit: { ...rateLimitDefault, ...limit }, isLimited: true, beganAtMs: -Infinity });
  }

  mend(key: string): void {
    this.#byKey.delete(key);
  }

  troubleOf(key: string): Trouble | undefined {
    const credential = this.#of(key);
    if (credential.trouble === undefined || credential.timesLeft <= 0) return undefined;
    credential.timesLeft--;
    return credential.trouble;
  }

  /** Counts a request that begins, and says what is left with it. A request that is one too many counts for nothing. */
  enter(key: string): Rates {
    const credential = this.#current(key);
    const { limit, isLimited, requests, inputTokens, outputTokens } = credential;
    const isOver = requests >= limit.requests || inputTokens >= limit.inputTokens || outputTokens >= limit.outputTokens;
    if (!isOver || !isLimited) credential.requests++;
    return {
      limit,
      requestsLeft: Math.max(0, limit.requests - credential.requests),
      inputTokensLeft: Math.max(0, limit.inputTokens - inputTokens),
      outputTokensLeft: Math.max(0, limit.outputTokens - outputTokens),
      resetsAtMs: credential.beganAtMs + limit.windowMs,
      nowMs: this.#now(),
      isSpent: isOver && isLimited,
    };
  }

  spend(key: string, usage: Usage): void {
    const credential = this.#current(key);
    // Reads from the cache are free of the limit, as at the real ones.
    credential.inputTokens += usage.inputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
    credential.outputTokens += usage.outputTokens;
  }

  #current(key: string): Credential {
    const credential = this.#of(key);
    const now = this.#now();
    if (now >= credential.beganAtMs + credential.limit.windowMs)
      Object.assign(credential, { beganAtMs: now, requests: 0, inputTokens: 0, outputTokens: 0 });
    return credential;
  }

  #of(key: string): Credential {
    const found = this.#byKey.get(key);
    if (found !== undefined) return found;
    const credential: Credential = {
      limit: rateLimitDefault,
      isLimited: false,
      beganAtMs: -Infinity,
      requests: 0,
      inputTokens: 0,
      outputTokens: 0,
      trouble: undefined,
      timesLeft: 0,
    };
    this.#byKey.set(key, credential);
    return credential;
  }
}
