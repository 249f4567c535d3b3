// How the credentials of providers do, out of the facts of the last minutes. An attempt that was given up for another
// credential counts against its own, though the call succeeded: else a dead credential would hide behind a living one. What a
// caller did wrong is shown, and is no failure. What was never tried is not there.

import type { Sql } from "../database.ts";

export type CredentialHealth = {
  readonly credential: string;
  readonly attempts: bigint;
  readonly failures: bigint;
  /** The most frequent first. */
  readonly errors: readonly { readonly what: string; readonly attempts: bigint }[];
  readonly firstByteUsP50: bigint | null;
  readonly firstByteUsP95: bigint | null;
  readonly lastStatus: number | null;
  readonly lastTime: Date;
  readonly headroom: CredentialHeadroom | null;
};

export type CredentialHeadroom = {
  readonly time: Date;
  readonly requestsLimit: bigint | null;
  readonly requestsRemaining: bigint | null;
  readonly tokensLimit: bigint | null;
  readonly tokensRemaining: bigint | null;
};

/** What a provider answers is its choice. */
const errorsMax = 20;

// The last attempt of a call is the call's own row; those before it are texts in it, such as "second 429". No call is tried
// again after an answer began, so what is no status there was none.
const attempts = `
  WITH recent AS (
    SELECT * FROM usage.model_call WHERE provider = ANY ($1::text[]) AND time >= $2
  ), attempt AS (
    SELECT provider, credential, time, cardinality(failed_attempts) + 1 AS nth, status,
      CASE WHEN status >= 300 THEN status::text
        WHEN outcome = 'provider-failed' AND status IS NULL THEN 'no-answer'
        WHEN outcome = 'provider-failed' THEN 'broke-off' END AS what,
      nullif(first_byte_us, 0) AS first_byte_us
    FROM recent WHERE credential <> ''
    UNION ALL
    SELECT provider, said[1], time, nth, CASE WHEN said[2] ~ '^\\d{3}$' THEN said[2]::int END,
      CASE WHEN said[2] ~ '^\\d{3}$' THEN said[2] ELSE 'no-answer' END, NULL
    FROM recent CROSS JOIN LATERAL unnest(failed_attempts) WITH ORDINALITY AS given_up (text, nth)
      CROSS JOIN LATERAL regexp_match(text, '^(\\S+) (.+)$') AS said
    WHERE said IS NOT NULL
  ), judged AS (
    SELECT *, what IS NOT NULL AND (what !~ '^4\\d\\d$' OR what IN ('401', '403', '408', '409', '429')) AS is_failure
    FROM attempt
  )`;

const byCredential = `${attempts}, error AS (
    SELECT provider, credential, what, count(*) AS attempts,
      row_number() OVER (PARTITION BY provider, credential ORDER BY count(*) DESC, what) AS nth
    FROM judged WHERE what IS NOT NULL GROUP BY provider, credential, what
  ), errors AS (
    SELECT provider, credential, array_agg(what ORDER BY nth) AS whats, array_agg(attempts ORDER BY nth) AS counts
    FROM error WHERE nth <= $3 GROUP BY provider, credential
  ), headroom AS (
    SELECT DISTINCT ON (provider, credential) provider, credential, time, requests_limit, requests_remaining,
      tokens_limit, tokens_remaining
    FROM recent WHERE requests_limit IS NOT NULL OR tokens_limit IS NOT NULL
    ORDER BY provider, credential, time DESC, proxy_id, epoch, seq DESC
  ), did AS (
    SELECT provider, credential, count(*) AS attempts, count(*) FILTER (WHERE is_failure) AS failures,
      percentile_disc(array[0.5, 0.95]) WITHIN GROUP (ORDER BY first_byte_us) FILTER (WHERE what IS NULL) AS first_bytes,
      (array_agg(status ORDER BY time DESC, nth DESC))[1] AS last_status, max(time) AS last_time
    FROM judged GROUP BY provider, credential
  )
  SELECT did.*, errors.whats, errors.counts, headroom.time AS said_at, requests_limit, requests_remaining, tokens_limit,
    tokens_remaining
  FROM did LEFT JOIN errors USING (provider, credential) LEFT JOIN headroom USING (provider, credential)
  ORDER BY provider, credential`;

type Row = {
  provider: string;
  credential: string;
  attempts: bigint;
  failures: bigint;
  first_bytes: (bigint | null)[] | null;
  last_status: number | null;
  last_time: Date;
  whats: string[] | null;
  counts: bigint[] | null;
  said_at: Date | null;
  requests_limit: bigint | null;
  requests_remaining: bigint | null;
  tokens_limit: bigint | null;
  tokens_remaining: bigint | null;
};

/** By the providers' names; who was not called since `from` is not among them. */
export async function readProviderHealth(
  sql: Sql,
  providers: readonly string[],
  from: Date,
): Promise<ReadonlyMap<string, readonly CredentialHealth[]>> {
  const health = new Map<string, CredentialHealth[]>();
  for (const row of await sql.query<Row>(byCredential, [providers, from, errorsMax])) {
    const known = health.get(row.provider);
    if (known) known.push(healthOf(row));
    else health.set(row.provider, [healthOf(row)]);
  }
  return health;
}

function healthOf(row: Row): CredentialHealth {
  const { credential, attempts, failures } = row;
  const [firstByteUsP50 = null, firstByteUsP95 = null] = row.first_bytes ?? [];
  return {
    ...{ credential, attempts, failures, firstByteUsP50, firstByteUsP95 },
    errors: (row.whats ?? []).map((what, index) => ({ what, attempts: row.counts?.[index] ?? 0n })),
    lastStatus: row.last_status,
    lastTime: row.last_time,
    headroom: headroomOf(row),
  };
}

function headroomOf(row: Row): CredentialHeadroom | null {
  if (row.said_at === null) return null;
  return {
    time: row.said_at,
    requestsLimit: row.requests_limit,
    requestsRemaining: row.requests_remaining,
    tokensLimit: row.tokens_limit,
    tokensRemaining: row.tokens_remaining,
  };
}
