// Sessions at servers hold what servers keep between calls: a browser, a transaction. Who shares one may lose it when nobody
// uses it; a legacy client, who would keep his as long as he is there, must not lose it because its user read for a while.

import { create } from "@bufbuild/protobuf";
import { ServerSchema } from "@tollgate/schema/resources";
import { expect, onTestFinished, test } from "vitest";
import { started, until } from "../../fixtures/gate-fixture.ts";
import { startUpstream } from "../../fixtures/upstream-fixture.ts";
import { createDeadlines } from "../../upstream/deadlines.ts";
import { createSecretValues } from "../../upstream/secret-values.ts";
import { createUpstreams } from "../../upstream/upstreams.ts";
import { noCapabilities } from "../capability-set.ts";
import { createCatalogues } from "../catalogue/catalogues.ts";
import { ClientSession } from "../downstream/client-sessions.ts";
import { createPeers } from "./peers.ts";

test("a shared session that nobody uses ends, and a legacy client's own stays", async () => {
  const conducted = started(await startUpstream({ offer: { tools: ["t"] } }));
  const upstreams = createUpstreams(createSecretValues());
  const deadlines = createDeadlines();
  const peers = createPeers(upstreams, deadlines, createCatalogues(), {
    ...{ sharedIdleMsMax: 0, ownIdleMsMax: 60_000, messageBytesMax: 1_000_000 },
    listenerFor: () => ({ onNotification: () => undefined, onRequest: () => false }),
  });
  onTestFinished(async () => {
    peers.close();
    await upstreams.close();
    deadlines.close();
  });
  const { url } = conducted;
  const server = create(ServerSchema, { id: "s", name: "s", url, timeoutSeconds: 2, allowPrivateNetwork: true });
  const peer = peers.of(server);
  const client = { era: "legacy", version: "2025-11-25", capabilities: noCapabilities, info: "" } as const;
  const session = new ClientSession("id", "k", client, 1_000);
  const own = await peer.sessionFor({ client, session, keyId: "k" }).get();
  const shared = await peer.sessionFor({ client: { ...client, era: "modern" }, session: undefined, keyId: "k" }).get();
  await until(() => conducted.count("DELETE") === 1, "the end of the shared session");
  expect([own.isOpen, shared.isOpen]).toEqual([true, false]);
  session.end();
  await until(() => conducted.count("DELETE") === 2, "the end of the client's own");
});
