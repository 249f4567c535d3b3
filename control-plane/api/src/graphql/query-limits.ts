// How large a query may be, found before any of it runs: its depth, its fields with fragments written out, and (in the
// module) its tokens. Below `__schema` and `__type` depth is not counted here, because the library has a rule of its own.

import {
  GraphQLError,
  Kind,
  type ASTVisitor,
  type FragmentDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
} from "graphql";

export const depthMax = 12;
export const fieldsMax = 500;
export const tokensMax = 5_000;

export function queryLimits(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const problem = new Measure(context).problem(operation.selectionSet);
      if (problem !== undefined) context.reportError(new GraphQLError(problem, { nodes: [operation] }));
    },
  };
}

class Measure {
  readonly #context: ValidationContext;
  /** Fragments that are being written out: one in itself is refused elsewhere, and must not run for ever here. */
  readonly #open = new Set<FragmentDefinitionNode>();
  #fields = 0;

  constructor(context: ValidationContext) {
    this.#context = context;
  }

  problem(selections: SelectionSetNode): string | undefined {
    const depth = this.#depth(selections);
    if (this.#fields > fieldsMax) return `The query asks for more than ${fieldsMax} fields.`;
    return depth > depthMax ? `The query is ${depth} levels deep; ${depthMax} are allowed.` : undefined;
  }

  #depth(selections: SelectionSetNode): number {
    let deepest = 0;
    for (const selection of selections.selections) {
      if (this.#fields > fieldsMax) return deepest;
      if (selection.kind === Kind.FIELD) {
        this.#fields += 1;
        const isIntrospection = selection.name.value.startsWith("__");
        const below = selection.selectionSet ? this.#depth(selection.selectionSet) : 0;
        deepest = Math.max(deepest, isIntrospection ? 1 : below + 1);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        deepest = Math.max(deepest, this.#depth(selection.selectionSet));
      } else {
        const fragment = this.#context.getFragment(selection.name.value);
        if (!fragment || this.#open.has(fragment)) continue;
        // An empty fragment costs, too: spreading one a million times is no query.
        this.#fields += 1;
        this.#open.add(fragment);
        deepest = Math.max(deepest, this.#depth(fragment.selectionSet));
        this.#open.delete(fragment);
      }
    }
    return deepest;
  }
}
