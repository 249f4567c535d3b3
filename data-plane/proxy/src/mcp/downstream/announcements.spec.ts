// Whose streams are closed, and who is told of what: a stream outlives the request that opened it, so what was decided then has
// to be decided again. A key whose time is over would otherwise hear of changes for as long as its client likes.

import { createHash } from "node:crypto";
import { parseKey } from "@tollgate/kernel/key-format";
import { viewOf, type View } from "@tollgate/kernel/view";
import { fromSnapshot } from "@tollgate/kernel/replica";
import { expect, test } from "vitest";
import { group, key, team, until, viewWith, type Resource } from "../../fixtures/gate-fixture.ts";
import { listKinds, type ListKind } from "../catalogue/catalogue.ts";
import { makeSurface } from "../surface/surface.ts";
import { createAnnouncements } from "./announcements.ts";

type Whose = ReturnType<typeof key>;

function attendants(resources: readonly Resource[], groupName?: string) {
  const state = { view: viewWith(resources), wallMs: 1_000 };
  const surface = makeSurface([], { of: () => undefined }, "always", () => undefined);
  const announcements = createAnnouncements({
    view: (): View => state.view,
    surfaceOf: () => surface,
    wallMs: () => state.wallMs,
  });
  const attend = ({ text }: Whose) => {
    const heard = { isClosed: false, told: [] as ListKind[] };
    const sent = parseKey(text);
    if (sent === undefined) throw new Error("no key");
    const leave = announcements.attend({
      credential: { key: sent, sha256: createHash("sha256").update(text).digest() },
      group: groupName,
      kinds: listKinds,
      told: { lists: undefined },
      tell: (kinds) => void heard.told.push(...kinds),
      close() {
        heard.isClosed = true;
        leave();
      },
    });
    return heard;
  };
  /** Resolves when everybody was looked at. */
  const look = async () => {
    announcements.look();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { state, attend, look };
}

test("a key whose time is over hears nothing more, by the clock alone", async () => {
  const limited = key(["*/*"], { expiresAtMs: 2_000n });
  const endless = key(["*/*"]);
  const { state, attend, look } = attendants([team(), limited.resource, endless.resource]);
  const [short, long] = [attend(limited), attend(endless)];
  await look();
  expect([short.isClosed, long.isClosed]).toEqual([false, false]);
  state.wallMs = 2_000;
  await look();
  expect([short.isClosed, long.isClosed]).toEqual([true, false]);
  expect([...short.told, ...long.told]).toEqual([]);
});

test("streams at a group that is gone end, and so do those of a key that is not there", async () => {
  const agent = key(["*/*"]);
  const tools = group("g");
  const { state, attend, look } = attendants([team(), agent.resource, tools], "g");
  const heard = attend(agent);
  await look();
  expect(heard.isClosed).toBe(false);
  state.view = viewOf(fromSnapshot(2n, [team(), agent.resource]));
  await look();
  await until(() => heard.isClosed, "the stream to end");
});
