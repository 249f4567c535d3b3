// A customer's resource as the API shows it: as itself, and as the customer of a team or user.

import type { Customer as CustomerResource } from "@tollgate/schema/resources";
import type { Customer } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { referredResources } from "../listing/resource-rows.ts";
import type { Plane } from "../plane.ts";
import { customers } from "./customer.projection.ts";

export function customerToApi({ id, name, tools, toolGroupIds, models }: CustomerResource): Resolved<Customer> {
  return { id, name, tools, toolGroupIds, models };
}

/** Of whoever belongs to one, by the id that is kept there. */
export function owningCustomer(plane: Plane): (id: string | null | undefined) => Promise<Resolved<Customer> | null> {
  const one = batched((ids) => referredResources(plane, customers, ids));
  return async (id) => {
    if (!id) return null;
    const customer = await one(id);
    // A customer is kept while something refers to it, and the rows of customers outlive them.
    if (!customer) throw new Error(`the customer ${id} is nowhere`);
    return customerToApi(customer);
  };
}
