// Mutations that are sent again under their idempotency key, for all of them in one place: around the resolvers, of which
// none knows of it. A mutation whose answer is kept is not run; one that runs gets a claim, and `log/handle.ts` keeps its
// answer in the transaction in which it does something. Refusals are not kept: they did nothing that could be doubled, and
// who repeats one wants to know how things are now. Two at the same time are both run, and only one of them can commit; the
// other, however it failed on it, then finds the answer.

import { createHash } from "node:crypto";
import type { GraphQLSchema } from "graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { demandPermission } from "../access/permission.guard.ts";
import type { RequestContext } from "../access/request-context.ts";
import { forgetExpired, recall, toPlain, type Claim } from "../log/kept-answer.ts";
import type { Plane } from "../plane.ts";

export const answersKeptMs = 24 * 3_600_000;
const keyCharsMax = 128;

type Remembering = Pick<Plane, "database" | "fingerprint" | "nowMs">;

export type Asked = { mutation: string; args: Readonly<Record<string, unknown>>; context: RequestContext };

/** Changes the schema's own fields, and answers the schema. */
export function answeringRepeats(plane: Remembering, schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field;
    // A field without a resolver is found by the permission table's check, and does not start.
    if (!resolve) continue;
    field.resolve = (root, args: Asked["args"], context: RequestContext, info) => {
      const asked = { mutation: field.name, args, context };
      return answerOnce(plane, asked, async (claimed) => resolve(root, args, claimed, info) as unknown);
    };
  }
  return schema;
}

export async function answerOnce(
  plane: Remembering,
  asked: Asked,
  run: (context: RequestContext) => Promise<unknown>,
): Promise<unknown> {
  const { idempotencyKey } = asked.args;
  if (typeof idempotencyKey !== "string") return run(asked.context);
  // A kept answer is not for who may not ask any more; what is run is guarded again by Nest.
  demandPermission(asked.context, `Mutation.${asked.mutation}`);
  const claim = claimOf(plane, asked, idempotencyKey);
  const { database, nowMs } = plane;
  await forgetExpired(database.sql, nowMs(), claim);
  const recalled = (): ReturnType<typeof recall> => recall(database.sql, claim, nowMs());
  const former = await recalled();
  if (former) return former;
  try {
    const answer = await run({ ...asked.context, claim });
    // A refusal may come of the very mutation that this one repeats: the name is taken, by it.
    return isSuccess(answer) ? answer : ((await recalled()) ?? answer);
  } catch (error) {
    // A twin was first, or our own commit arrived although its confirmation did not.
    const meanwhile = await recalled().catch((reason: unknown) => {
      throw reason instanceof TollgateError ? reason : error;
    });
    if (meanwhile) return meanwhile;
    throw error;
  }
}

/** Every mutation's success carries its position, and no refusal does. */
function isSuccess(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "position" in answer;
}

function claimOf(plane: Remembering, { mutation, args, context }: Asked, idempotencyKey: string): Claim {
  if (idempotencyKey === "" || idempotencyKey.length > keyCharsMax)
    throw new TollgateError("request.invalid", `\`idempotencyKey\` has 1 to ${keyCharsMax} characters.`);
  const asked = toPlain({ mutation, args: { ...args, idempotencyKey: null } });
  return {
    id: createHash("sha256")
      .update(JSON.stringify([context.actor, idempotencyKey]))
      .digest(),
    fingerprint: plane.fingerprint(Buffer.from(JSON.stringify(asked))),
    keptUntilMs: plane.nowMs() + answersKeptMs,
  };
}
