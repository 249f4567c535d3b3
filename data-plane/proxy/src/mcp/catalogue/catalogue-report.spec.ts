// Of several proxies' listings the latest holds. A proxy that could not tell in time must not tell what it read long ago as if it
// had read it just now: it would put back what the server no longer has, and an admin would look at a change that never was.

import { create } from "@bufbuild/protobuf";
import { CatalogueWantedSchema, type CatalogueSeenSchema } from "@tollgate/schema/catalogue";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../../fixtures/gate-fixture.ts";
import { openLog } from "../../log-output.ts";
import { startCatalogueReport } from "./catalogue-report.ts";
import { noCapabilities, noHints, noLists, type Catalogue } from "./catalogue.ts";

const read: Catalogue = {
  serverId: "0123456789abcdef",
  place: "",
  revision: 7,
  health: { state: "unreachable", reason: "It went away.", sinceMs: 2_000 },
  era: "modern",
  version: "2026-07-28",
  serverInfo: "",
  instructions: "",
  capabilities: noCapabilities,
  lists: noLists,
  listedMs: 1_000,
  unfitTools: [],
  hints: noHints,
};

test("a listing that could not be told bears the time at which the server said so", async () => {
  const told: MessageInitShape<typeof CatalogueSeenSchema>[] = [];
  let isAway = true;
  const teller = startCatalogueReport({
    async report(seen) {
      told.push(seen);
      if (isAway) throw new Error("nobody there");
      return create(CatalogueWantedSchema);
    },
    catalogues: () => [read],
    log: openLog("silent", {}),
  });
  onTestFinished(teller.close);
  teller.changed();
  await until(() => told.length === 1, "the first try");
  isAway = false;
  teller.changed();
  await until(() => told.length === 2, "the second");
  teller.changed();
  await until(() => told.length === 3, "one more, of what is known");
  expect(told.map(({ servers = [] }) => servers[0]?.listing?.listedAtMs)).toEqual([1_000n, 1_000n, undefined]);
});
