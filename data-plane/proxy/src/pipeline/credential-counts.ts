// What one worker keeps of providers' credentials for the metrics, beside its counts of calls: attempts that were given up for
// another credential, which no call's own status tells of, and what a provider said last that a credential may still do. A
// dead credential would else hide behind a living one. Providers and credentials are named by admins and few; what is beyond
// the bound is not kept apart.

import type { Headroom } from "./model-record.ts";

export type GivenUp = {
  readonly provider: string;
  readonly credential: string;
  /** A status, or the code of an error where there was none. */
  readonly reason: string;
  attempts: number;
};

export type SaidHeadroom = Headroom & {
  readonly provider: string;
  readonly credential: string;
  readonly timeMs: number;
};

export type CredentialCounts = {
  /** By provider, credential and reason together. */
  readonly givenUp: Record<string, GivenUp>;
  /** By provider and credential together: the newest. */
  readonly headroom: Record<string, SaidHeadroom>;
};

export type CountedAttempts = {
  readonly provider: string;
  /** Of the last attempt, like the headroom. */
  readonly credential: string;
  readonly headroom: Headroom;
  /** Those before it: the credential and the reason, such as `second 429`. */
  readonly failedAttempts: readonly string[];
  readonly timeMs: number;
};

export const credentialSeriesMax = 2_000;

export function emptyCredentialCounts(): CredentialCounts {
  return { givenUp: {}, headroom: {} };
}

export function countAttempts(counts: CredentialCounts, call: CountedAttempts): void {
  const { provider, credential, headroom, timeMs } = call;
  for (const failed of call.failedAttempts) {
    // No name of an admin's has a space in it.
    const space = failed.indexOf(" ");
    const reason = failed.slice(space + 1);
    addGivenUp(counts, { provider, credential: failed.slice(0, space), reason, attempts: 1 });
  }
  if (credential === "" || (headroom.requestsLimit === 0 && headroom.tokensLimit === 0)) return;
  keepNewest(counts, { ...headroom, provider, credential, timeMs });
}

export function addCredentialCounts(into: CredentialCounts, more: CredentialCounts): void {
  for (const given of Object.values(more.givenUp)) addGivenUp(into, given);
  for (const said of Object.values(more.headroom)) keepNewest(into, said);
}

function addGivenUp({ givenUp }: CredentialCounts, { provider, credential, reason, attempts }: GivenUp): void {
  const name = `${provider} ${credential} ${reason}`;
  const isFull = givenUp[name] === undefined && Object.keys(givenUp).length >= credentialSeriesMax;
  const series = isFull
    ? (givenUp["rest"] ??= { provider: "", credential: "", reason: "", attempts: 0 })
    : (givenUp[name] ??= { provider, credential, reason, attempts: 0 });
  series.attempts += attempts;
}

function keepNewest({ headroom }: CredentialCounts, said: SaidHeadroom): void {
  const name = `${said.provider} ${said.credential}`;
  const known = headroom[name];
  if (known === undefined && Object.keys(headroom).length >= credentialSeriesMax) return;
  if (known === undefined || known.timeMs <= said.timeMs) headroom[name] = said;
}
