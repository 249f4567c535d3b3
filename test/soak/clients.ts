// Many turns of Claude Code through a gate, in both of its eras with servers of both: `npm run soak -- clients [turns]`, 20 of
// each kind by default. What happens in a turn, and what a miss is, says test/clients/claude-code-turn.ts. It goes on after a
// miss, because how often something is missed is what it is for; any miss is exit code 1.
import { missesOfTurn, turnSettings } from "../clients/claude-code-turn.ts";
import { clientsAvailability } from "../clients/install.ts";

export async function soakClients([turns = "20"]: readonly string[]): Promise<boolean> {
  const availability = await clientsAvailability();
  if (!availability.available) throw new Error(availability.reason);
  const startMs = Date.now();
  let missed = 0;
  for (const setting of turnSettings) {
    const found: string[][] = [];
    for (let turn = 0; turn < Number(turns); turn++) found.push(await missesOfTurnOrFailure(setting));
    const broken = found.filter((misses) => misses.length > 0);
    missed += broken.length;
    console.log(`${setting.client} era, ${setting.server} server: ${turns} turns, ${broken.length} with a miss`);
    for (const misses of broken) console.log(misses.join("\n"));
  }
  const seconds = Math.round((Date.now() - startMs) / 1_000);
  console.log(`${Number(turns) * turnSettings.length} turns, ${missed} with a miss, ${seconds} s`);
  return missed === 0;
}

/** A turn that cannot be taken to its end is a miss, too. */
async function missesOfTurnOrFailure(setting: (typeof turnSettings)[number]): Promise<string[]> {
  try {
    return await missesOfTurn(setting);
  } catch (error) {
    return [String(error)];
  }
}
