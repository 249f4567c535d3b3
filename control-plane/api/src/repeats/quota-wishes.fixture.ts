// Of budgets and limits, one mutation of each, as the spec of repeated mutations tries them: every one of them changes something.

export type Wish = { mutation: string; args: string; fields: string };

type Answer = Record<string, unknown>;
type Quota = { id: string; overrides?: { id: string }[] };

const createBudget = (name: string): Wish => ({
  mutation: "createBudget",
  args: `input: { name: "${name}", scope: { label: { name: "a", value: "b" } }, limit: "1.5", period: DAY }`,
  fields: "budget { id name limit limitInForce edition scope { label { value } } }",
});

const addOverride = (id: string): Wish => ({
  mutation: "addBudgetOverride",
  args: `input: { id: "${id}", amount: "1", until: "2999-01-01T00:00:00Z", reason: "once" }`,
  fields: "budget { id limitInForce overrides { id amount until reason by } }",
});

type Wishes = Readonly<Record<string, () => Promise<Wish>>>;

/** `send` does a mutation; `newTeam` answers the id of one. */
export function quotaWishes(send: (wish: Wish) => Promise<Answer>, newTeam: () => Promise<string>): Wishes {
  // As the fields above ask for it.
  const made = async (wish: Wish, member: "budget" | "limit") => (await send(wish))[member] as Quota;
  const newBudget = async (name: string) => (await made(createBudget(name), "budget")).id;
  const createLimit = async (name: string): Promise<Wish> => ({
    mutation: "createLimit",
    args: `input: { name: "${name}", scope: { teamId: "${await newTeam()}" }, measure: TOKENS, amount: "5", window: DAY }`,
    fields: "limit { id name measure amount window }",
  });
  const newLimit = async (name: string) => (await made(await createLimit(name), "limit")).id;
  const retire = (mutation: string, id: string): Wish => ({ mutation, args: `id: "${id}"`, fields: "id" });
  return {
    createBudget: async () => createBudget("once"),
    changeBudget: async () => ({
      mutation: "changeBudget",
      args: `input: { id: "${await newBudget("changed")}", limit: "7" }`,
      fields: "budget { id limit }",
    }),
    addBudgetOverride: async () => addOverride(await newBudget("overridden")),
    endBudgetOverride: async () => {
      const { id, overrides } = await made(addOverride(await newBudget("ended")), "budget");
      const args = `input: { id: "${id}", overrideId: "${overrides?.[0]?.id}" }`;
      return { mutation: "endBudgetOverride", args, fields: "budget { id overrides { id } }" };
    },
    retireBudget: async () => retire("retireBudget", await newBudget("retired")),
    createLimit: () => createLimit("once"),
    changeLimit: async () => ({
      mutation: "changeLimit",
      args: `input: { id: "${await newLimit("changed")}", amount: "7" }`,
      fields: "limit { id amount }",
    }),
    retireLimit: async () => retire("retireLimit", await newLimit("retired")),
  };
}
