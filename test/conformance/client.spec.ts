// The gate as a client, judged by the protocol's own suite, which is the server behind it: what the gate asks on its own
// account, and what it makes of the requests of clients of either era. Everything that needs no OAuth has to pass, without a
// warning, whichever era the client in front speaks; and of a client that does nothing, nothing may pass.

import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runClientScenarios } from "./client-suite.ts";
import type { Requirements } from "./suite.ts";
import { showTable, type Run } from "./table.ts";

const timeoutMs = 90_000;
const runs: Run[] = [];

afterAll(() => showTable("client", runs));

const driver = fileURLToPath(new URL("upstream-driver.ts", import.meta.url));
/** The suite added it after both revisions were released. */
const unscored = "json-schema-2020-12-preservation";
const scenarios: Record<Requirements, readonly string[]> = {
  "2025-11-25": ["initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry", unscored],
  "2026-07-28": [
    ...["tools_call", "request-metadata", "sep-2322-client-request-state", "http-standard-headers"],
    ...["http-custom-headers", "http-invalid-tool-headers", "json-schema-ref-no-deref", unscored],
  ],
};
const revisions = ["2025-11-25", "2026-07-28"] as const;

for (const requirements of revisions)
  for (const era of ["modern", "legacy"] as const)
    test(`a ${era} client through the gate, to servers of ${requirements}`, { timeout: timeoutMs }, async () => {
      const names = scenarios[requirements];
      const command = [process.execPath, driver, era];
      const result = await runClientScenarios({ requirements, scenarios: names, command });
      runs.push({ client: `${era}, through the gate`, server: `suite, ${requirements}`, result });
      const imperfect = result.scenarios.filter(({ outcome, warnings }) => outcome === "failed" || warnings.length > 0);
      expect(imperfect).toEqual([]);
      expect(result.scored).toEqual({ passed: names.length - 1, total: names.length - 1 });
      // Of its own accord the suite is content with requests that it never saw.
      const headers = result.scenarios.find(({ scenario }) => scenario === "http-standard-headers")?.skipped ?? [];
      for (const said of headers)
        expect(said).toMatch(/did not send a (initialize|notifications\/initialized) request/);
    });

test("of a client that does nothing, nothing passes", { timeout: timeoutMs }, async () => {
  const command = [process.execPath, "-e", "0"];
  for (const requirements of revisions) {
    const result = await runClientScenarios({ requirements, scenarios: scenarios[requirements], command });
    runs.push({ client: "none", server: `suite, ${requirements}`, result });
    expect(result.scenarios.filter(({ outcome }) => outcome === "passed")).toEqual([]);
  }
});
