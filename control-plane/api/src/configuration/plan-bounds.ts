// The customers, teams and users of a file against those that there are: what bounds keys is compared alike for all of them.
// Whose a team or user is cannot change once it is said, and a file that says otherwise is refused where it does; a team may
// still get a customer.

import type { ConfiguredBound } from "@tollgate/kernel/configuration/bound";
import type { Place } from "@tollgate/kernel/configuration/issue";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { sameBound, type Bound } from "../bounds/bound.ts";
import { customerDecider } from "../customers/customer.decider.ts";
import type { AnyStep } from "../log/handle.ts";
import { teamDecider } from "../teams/team.decider.ts";
import { sameGrant, sameList } from "../tool-groups/granted-tools.ts";
import { userDecider } from "../users/user.decider.ts";
import { pruned, type KindPlan, type PlanItem, type PlannedStep, type Planning } from "./planning.ts";

/** Both of one that is there or will be. */
export type BoundsPlan = KindPlan & { idOf: (name: string) => string; customerOf: (name: string) => string };

type Wanted = ConfiguredBound & { name: string; customer?: string; at: Place };
type There = Bound & { id: string; name: string; customerId?: string };

type Kind = {
  kind: "customer" | "team" | "user";
  wanted: readonly Wanted[];
  there: ReadonlyMap<string, There>;
  create(this: void, said: Said): AnyStep;
  change(this: void, said: Omit<Said, "name">): AnyStep;
  retire(this: void, id: string): AnyStep;
};

type Said = { id: string; name: string; customerId: string; bound: Bound };
type References = { groupIds: (names: readonly string[]) => string[]; customerId: (name: string) => string };

export function planCustomers(planning: Planning, groupIds: References["groupIds"]): BoundsPlan {
  const customerId = (name: string): string => {
    throw new Error(`a customer of the customer ${name}`);
  };
  return planBounds(
    planning,
    { groupIds, customerId },
    {
      kind: "customer",
      wanted: planning.configuration.customers,
      there: planning.current.customers,
      create: ({ id, name, bound }) => {
        return { decider: customerDecider, id, command: { kind: "create", id, name, ...bound } };
      },
      change: ({ id, bound }) => ({ decider: customerDecider, id, command: { kind: "change", id, bound } }),
      retire: (id) => ({ decider: customerDecider, id, command: { kind: "retire", id } }),
    },
  );
}

export function planTeams(planning: Planning, references: References): BoundsPlan {
  return planBounds(planning, references, {
    kind: "team",
    wanted: planning.configuration.teams,
    there: planning.current.teams,
    create: ({ id, name, customerId, bound }) => {
      return { decider: teamDecider, id, command: { kind: "create", id, name, customerId, ...bound } };
    },
    change: ({ id, customerId, bound }) => {
      return { decider: teamDecider, id, command: { kind: "change", id, customerId, bound } };
    },
    retire: (id) => ({ decider: teamDecider, id, command: { kind: "retire", id } }),
  });
}

export function planUsers(planning: Planning, references: References): BoundsPlan {
  return planBounds(planning, references, {
    kind: "user",
    wanted: planning.configuration.users,
    there: planning.current.users,
    create: ({ id, name, customerId, bound }) => {
      return { decider: userDecider, id, command: { kind: "create", id, name, customerId, ...bound } };
    },
    change: ({ id, customerId, bound }) => {
      return { decider: userDecider, id, command: { kind: "change", id, customerId, bound } };
    },
    retire: (id) => ({ decider: userDecider, id, command: { kind: "retire", id } }),
  });
}

function planBounds(planning: Planning, references: References, of: Kind): BoundsPlan {
  const { kind, wanted, there } = of;
  const items: PlanItem[] = [];
  const changes: PlannedStep[] = [];
  const ids = new Map([...there].map(([name, { id }]) => [name, id]));
  const customers = new Map([...there].map(([name, { customerId = "" }]) => [name, customerId]));
  for (const [index, { name, at, customer, tools, toolGroups, models }] of wanted.entries()) {
    const former = there.get(name);
    const customerId = customer === undefined ? "" : references.customerId(customer);
    const bound = { tools, toolGroupIds: references.groupIds(toolGroups), models };
    const fields = former ? differencesOf({ bound, customerId }, former) : [];
    const action = former === undefined ? "create" : fields.length > 0 ? "change" : "none";
    items.push({ action, kind, name, fields });
    if (action === "none") continue;
    const id = former?.id ?? idFromBytes(planning.randomBytes(idBytes));
    ids.set(name, id);
    customers.set(name, customerId);
    const step = former ? of.change({ id, customerId, bound }) : of.create({ id, name, customerId, bound });
    changes.push({ step, place: { at, path: `${kind}s[${index}]` } });
  }
  const found = (known: ReadonlyMap<string, string>) => (name: string) => {
    const value = known.get(name);
    if (value === undefined) throw new Error(`the file's own check let the ${kind} ${name} through`);
    return value;
  };
  const both = { there, wanted };
  const gone = pruned(planning, kind, both, ({ id }) => [of.retire(id)]);
  return { items, changes, ...gone, idOf: found(ids), customerOf: found(customers) };
}

function differencesOf({ bound, customerId }: Pick<Said, "bound" | "customerId">, former: There): string[] {
  if (sameBound(bound, former) && customerId === (former.customerId ?? "")) return [];
  return [
    ...(customerId === (former.customerId ?? "") ? [] : ["customer"]),
    ...(sameGrant(bound, former) ? [] : ["tools"]),
    ...(sameList(bound.models, former.models) ? [] : ["models"]),
  ];
}
