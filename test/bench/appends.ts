// How many commands a second the log takes, through the very `handle` that mutations use, each command a stream and a name
// of its own, on a durable database: with 1, 8 and 32 writers, as figures and as ratios to one writer.

import { mkdtemp, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { openDatabase } from "@tollgate/api/database";
import { handle } from "@tollgate/api/log/handle";
import { accept, type Decider } from "@tollgate/kernel/decider";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { startPostgres } from "@tollgate/local/postgres";
import { TeamCreatedSchema, type TeamCreated } from "@tollgate/schema/events";
import { report } from "./report.ts";

const seconds = 3;

const teams: Decider<undefined, string, TeamCreated, never> = {
  stream: "team",
  initial: undefined,
  evolve: () => undefined,
  decide: (id) => accept([create(TeamCreatedSchema, { team: { id, name: `team-${id}` } })], { reserve: `team-${id}` }),
};

export async function benchAppends(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-bench-"));
  const postgres = await startPostgres({ dataDir: dir, onLog: () => undefined });
  const database = await openDatabase({ url: postgres.url("tollgate"), connectionsMax: 40 });
  try {
    let alone = Number.NaN;
    for (const writers of [1, 8, 32]) {
      let commands = 0;
      const start = performance.now();
      const writer = async (): Promise<void> => {
        while (performance.now() - start < seconds * 1_000) {
          const id = idFromBytes(randomBytes(idBytes));
          await handle(database, { decider: teams, id, command: id }, { actor: "system/bench", timeMs: Date.now() });
          commands++;
        }
      };
      await Promise.all(Array.from({ length: writers }, writer));
      const rate = commands / ((performance.now() - start) / 1_000);
      if (writers === 1) alone = rate;
      report({ bench: "appends", subject: `${writers} writers`, value: rate, unit: "commands/s" });
      if (writers > 1)
        report({ bench: "appends", subject: `${writers} writers to one`, value: rate / alone, unit: "ratio" });
    }
  } finally {
    await database.close();
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
