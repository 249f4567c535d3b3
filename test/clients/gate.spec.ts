// Real clients through the gate, in front of servers of both eras: what they do directly they do through it. A person would
// notice a tool that is not offered, a question that is not asked, an answer that does not come; so does this.

import { expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { missesOfPrefixedTurn, missesOfTurn, turnSettings } from "./claude-code-turn.ts";
import { clientsAvailability } from "./install.ts";

const runMsMax = 60_000;

const availability = await clientsAvailability();

describeWith(availability, "Claude Code, through the gate", () => {
  test.each(turnSettings)(
    "in its $client era, with a $server server",
    async (setting) => {
      expect(await missesOfTurn(setting)).toEqual([]);
    },
    runMsMax,
  );

  test.each(["auto", "legacy"] as const)(
    "in its %s era, with servers of both eras in one turn, under their names",
    async (era) => {
      expect(await missesOfPrefixedTurn(era)).toEqual([]);
    },
    runMsMax,
  );
});
