// To whose account calls go, as both lists of calls show it and are filtered by it.

import type { CallLabel, CallLabelInput } from "../gen/graphql.ts";

export type AccountRow = { keyId: string; teamId: string; userId: string; customerId: string; labels: string[] };

export type AccountWish = {
  userId?: string | undefined;
  customerId?: string | undefined;
  /** As it is stored: `project=apollo`. */
  label?: string | undefined;
};

export const accountColumns = `key_id AS "keyId", team_id AS "teamId", user_id AS "userId", customer_id AS "customerId", labels`;

/** As their indexes have it; "" is what many calls have in common because they have none. */
export const accountConditions = {
  userId: (at: string) => `user_id = ${at} AND user_id <> ''`,
  customerId: (at: string) => `customer_id = ${at} AND customer_id <> ''`,
  label: (at: string) => `labels @> ARRAY[${at}::text] AND labels <> '{}'`,
};

type AccountFilter = {
  userId?: string | null | undefined;
  customerId?: string | null | undefined;
  label?: CallLabelInput | null | undefined;
};

export function accountWish({ userId, customerId, label }: AccountFilter): AccountWish {
  return {
    userId: userId ?? undefined,
    customerId: customerId ?? undefined,
    label: label ? `${label.name}=${label.value}` : undefined,
  };
}

export function accountToApi({ keyId, teamId, userId, customerId, labels }: AccountRow) {
  return {
    keyId: orNull(keyId),
    teamId: orNull(teamId),
    userId: orNull(userId),
    customerId: orNull(customerId),
    labels: labels.map(labelToApi),
  };
}

/** A name holds no equals sign. */
function labelToApi(text: string): CallLabel {
  const equals = text.indexOf("=");
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** What nobody said is '' in the store. */
export function orNull(text: string): string | null {
  return text === "" ? null : text;
}
