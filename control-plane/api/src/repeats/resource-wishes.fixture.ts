// Of customers, users and policies, one mutation of each, as the spec of repeated mutations tries them: every one of them changes
// something.

import type { Wish } from "./quota-wishes.fixture.ts";

type Answer = Record<string, unknown>;
type Wishes = Readonly<Record<string, () => Promise<Wish>>>;

const members = {
  Customer: { said: 'tools: ["a/*"]', changed: 'tools: ["b/*"]', fields: "customer { id name tools }" },
  User: { said: 'tools: ["a/*"]', changed: 'tools: ["b/*"]', fields: "user { id name tools }" },
  Policy: {
    said: 'rule: { match: "", deny: { message: "no" } }',
    changed: 'rule: { match: "", deny: { message: "never" } }',
    fields: "policy { id name deny { message } }",
  },
} as const;

/** `send` does a mutation. */
export function resourceWishes(send: (wish: Wish) => Promise<Answer>): Wishes {
  const wishes: Record<string, () => Promise<Wish>> = {};
  for (const [kind, { said, changed, fields }] of Object.entries(members)) {
    const created = (name: string): Wish => {
      return { mutation: `create${kind}`, args: `input: { name: "${name}", ${said} }`, fields };
    };
    const newId = async (name: string): Promise<string> => {
      // As the fields above ask for it.
      const made = (await send(created(name)))[kind.toLowerCase()] as { id: string };
      return made.id;
    };
    wishes[`create${kind}`] = async () => created("once");
    wishes[`change${kind}`] = async () => {
      return { mutation: `change${kind}`, args: `input: { id: "${await newId("changed")}", ${changed} }`, fields };
    };
    wishes[`retire${kind}`] = async () => {
      return { mutation: `retire${kind}`, args: `id: "${await newId("retired")}"`, fields: "id" };
    };
  }
  return wishes;
}
