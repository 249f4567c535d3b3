// To whose account a call goes: what facts carry of its principal, and the scopes that whatever counts calls, tokens or money
// counts it in. A scope's text never holds a comma.

import { scopeOf } from "./ids.ts";
import type { Principal } from "./view.ts";

/** Empty where a call has none. */
export type Attribution = {
  keyId: string;
  teamId: string;
  userId: string;
  customerId: string;
  labels: string[];
};

export function attributionOf({ key, team, user, customer, labels }: Principal): Attribution {
  return {
    keyId: key.id,
    teamId: team.id,
    userId: user?.id ?? "",
    customerId: customer?.id ?? "",
    labels: [...labels],
  };
}

/** From the narrowest to the widest: "key/…", "user/…", "team/…", "customer/…", then "label/project=apollo". */
export function scopesOf({
  key,
  team,
  user,
  customer,
  labels,
}: Pick<Principal, "key" | "team" | "user" | "customer" | "labels">): string[] {
  const scopes = [scopeOf("key", key.id)];
  if (user) scopes.push(scopeOf("user", user.id));
  scopes.push(scopeOf("team", team.id));
  if (customer) scopes.push(scopeOf("customer", customer.id));
  for (const label of labels) scopes.push(scopeOf("label", label));
  return scopes;
}
