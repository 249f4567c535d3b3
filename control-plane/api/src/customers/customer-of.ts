// Who is whose: teams and users may be a customer's, and a user of one has keys in that customer's teams only. A team's
// customer never changes once it is said, and a user's never changes at all, so what was true when a key was issued stays
// true. What is known of a team and a user arrives with the command, by the scopes of both.

import { scopeOf } from "@tollgate/kernel/ids";
import { invalidInput, type InvalidInput } from "../refusals.ts";

export function customerScopes(customerId: string): string[] {
  return customerId === "" ? [] : [scopeOf("customer", customerId)];
}

/** The id of the customer, empty for none, by the scope of what is of it: "team/…", "user/…". Of what is not there, too. */
export type Customers = ReadonlyMap<string, string>;

export function ownerProblem(customers: Customers, teamId: string, userId: string): InvalidInput | undefined {
  if (userId === "") return undefined;
  const [ofTeam, ofUser] = [customerOf(customers, "team", teamId), customerOf(customers, "user", userId)];
  return ofUser === "" || ofUser === ofTeam
    ? undefined
    : invalidInput("userId", "is of another customer than the team");
}

function customerOf(customers: Customers, kind: string, id: string): string {
  const customerId = customers.get(scopeOf(kind, id));
  if (customerId === undefined) throw new Error(`nobody looked up whose ${scopeOf(kind, id)} is`);
  return customerId;
}
