// Real servers are observed twice, directly, and have to look the same to the byte: only then is a difference that a gate
// shows later the gate's. Each gets its folder anew, so that what the first observation changed is not seen by the second.
import { expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { comparable } from "./comparable.ts";
import { serversAvailability } from "./install.ts";
import { observe, type Observation } from "./observe.ts";
import { realServers, type RealServer } from "./servers.ts";
import { freshFolder, startOnHttp, startOnStdio } from "./start-server.ts";

const testMsMax = 60_000;

type Start = typeof startOnStdio;

async function observeOnce(server: RealServer, start: Start): Promise<Observation> {
  await using folder = await freshFolder(server);
  await using client = await start(server, folder.path);
  const seen = await observe(client, { ...server, capabilities: {}, calls: server.calls(folder.path) });
  return comparable(seen, server.varies);
}

async function looksTheSame(server: RealServer, start: Start): Promise<void> {
  const first = await observeOnce(server, start);
  // An observation of nothing is always equal to another.
  expect(first.tools[0]).toMatchObject({ result: expect.stringContaining('"inputSchema"') });
  expect(first.calls.filter(({ answer }) => "result" in answer && !answer.result.includes('"isError":true')).length) //
    .toBeGreaterThanOrEqual(first.calls.length > 0 ? 1 : 0);
  expect(await observeOnce(server, start)).toEqual(first);
}

describeWith(await serversAvailability(), "Real servers, directly", () => {
  test.each(realServers)(
    "$name looks the same twice over stdio",
    (server) => looksTheSame(server, startOnStdio),
    testMsMax,
  );

  test.each(realServers.filter(({ http }) => http !== undefined))(
    "$name looks the same twice over HTTP",
    (server) => looksTheSame(server, startOnHttp),
    testMsMax,
  );
});
