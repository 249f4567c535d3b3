// The turn of a model that asked for a call of a tool: read together for all calls of an answer.

import { Inject } from "@nestjs/common";
import { Parent, ResolveField, Resolver } from "@nestjs/graphql";
import type { Call, ModelCall } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { PLANE, type Plane } from "../plane.ts";
import { modelCallToApi } from "./model-call-to-api.ts";
import { readTurnsOf, type ModelCallRow, type SaidToolUse } from "./model-calls.ts";

@Resolver("Call")
export class TurnResolver {
  readonly #turnOf: (use: string) => Promise<ModelCallRow | undefined>;

  constructor(@Inject(PLANE) { database }: Plane) {
    this.#turnOf = batched(async (texts) => {
      const turns = await readTurnsOf(database.sql, texts.map(useFromText));
      return new Map(texts.flatMap((text, index) => (turns[index] ? [[text, turns[index]]] : [])));
    });
  }

  @ResolveField()
  async modelCall(@Parent() { teamId, toolUseId, time }: Resolved<Call>): Promise<Resolved<ModelCall> | null> {
    if (toolUseId === null || teamId === null) return null;
    const turn = await this.#turnOf(JSON.stringify([teamId, toolUseId, time.toISOString()]));
    return turn ? modelCallToApi(turn) : null;
  }
}

function useFromText(text: string): SaidToolUse {
  // Each text was made above.
  const [teamId, toolUseId, time] = JSON.parse(text) as [string, string, string];
  return { teamId, toolUseId, time: new Date(time) };
}
