// What a proxy refuses must be known to people: each scope once in the log, all of it counted, and no flood of it anywhere.

import { apply, empty, type Replica } from "@tollgate/kernel/replica";
import { create } from "@bufbuild/protobuf";
import { RecordSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import { refusalsOf, refusalTeller, shownMax } from "./refusals.ts";

function refusing(scopes: readonly string[], from: Replica = empty()): Replica {
  return scopes.reduce((replica, scope) => {
    const position = replica.position + 1n;
    const type = "tollgate.v1.Unheard";
    return apply(replica, [
      create(RecordSchema, { position, commit: position, type, scopes: [scope], body: new Uint8Array() }),
    ]);
  }, from);
}

const many = Array.from({ length: shownMax + 50 }, (_, n) => `key/${n}`);

test("all are counted and the first are shown, with where and why; a kind that differs comes before them", () => {
  const lasting = [{ scope: "team/*", position: 9n, reason: "differs" }];
  const { count, first } = refusalsOf(refusing(many), lasting);
  expect([count, first.length]).toEqual([shownMax + 51, shownMax]);
  expect(first.slice(0, 2)).toEqual([
    lasting[0],
    { scope: "key/0", position: 1n, reason: "the event type tollgate.v1.Unheard is not known here" },
  ]);
  expect(refusalsOf(undefined)).toEqual({ count: 0, first: [] });
});

test("each is told once for as long as it lasts, and a flood in bounded lines", () => {
  const lines: unknown[] = [];
  const tell = refusalTeller({ error: (detail: unknown) => void lines.push(detail) });
  const first = refusing(["key/a"]);
  tell(first);
  tell(first);
  tell(refusing(["key/b"], first));
  expect(lines).toMatchObject([
    { scope: "key/a", position: "1" },
    { scope: "key/b", position: "2" },
  ]);
  tell(empty());
  tell(first);
  expect(lines).toHaveLength(3);
  tell(refusing(many, first));
  expect(lines).toHaveLength(3 + shownMax + 1);
  expect(lines.at(-1)).toEqual({ more: 50 });
});
