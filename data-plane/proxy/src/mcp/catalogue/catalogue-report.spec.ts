// What proxies tell of servers goes together, and the control plane refuses a report as a whole: a server that calls its tools
// what nobody can store, or has too many, must not keep the others from being seen. Of several proxies' listings the latest
// holds: a proxy that could not tell in time must not tell what it read long ago as if it had read it just now. It would put
// back what the server no longer has, and an admin would look at a change that never was.

import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { CatalogueSeenSchema, CatalogueWantedSchema, type CatalogueSeen } from "@tollgate/schema/catalogue";
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

function catalogue(serverId: string, tools: readonly string[]): Catalogue {
  const bytes = Buffer.from("{}");
  return {
    ...read,
    serverId,
    lists: {
      ...noLists,
      tools: tools.map((name) => ({ name, bytes, nameAt: { start: 0, end: 0 }, sha256: "0".repeat(64) })),
    },
  };
}

test("one server's names and numbers keep no other from being told of", async () => {
  const long = Array.from({ length: 3_000 }, (_, n) => `${n}${"x".repeat(1_000)}`);
  const all = [
    catalogue("odd", ["good", "n\0l", "y".repeat(limits.catalogueNameCharsMax + 1)]),
    catalogue("large", long),
    catalogue("other", ["t"]),
  ];
  const seen: CatalogueSeen[] = [];
  const reporting = startCatalogueReport({
    report: async (report) => {
      seen.push(create(CatalogueSeenSchema, report));
      return create(CatalogueWantedSchema);
    },
    catalogues: () => all,
    log: openLog("silent", {}),
  });
  onTestFinished(reporting.close);
  reporting.changed();
  const servers = () => seen.flatMap((report) => report.servers);
  await until(() => servers().length === 3, "all to be told of");
  const namesOf = (id: string) =>
    servers()
      .find(({ serverId }) => serverId === id)
      ?.listing?.entries.map(({ name }) => name);
  expect([namesOf("odd"), namesOf("other")]).toEqual([["good"], ["t"]]);
  for (const report of seen)
    expect(toBinary(CatalogueSeenSchema, report).length).toBeLessThan(1.1 * limits.catalogueReportBytesMax);
});
