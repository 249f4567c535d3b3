// Guarantees of what proxies tell of servers, on a real PostgreSQL: the latest listing holds, one that says the same changes
// nothing, a definition is what its hash says and is asked for once, what was retired is forgotten, and what is approved is
// what was seen last.

import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { canonicalDefinition } from "@tollgate/kernel/tool-definition";
import { CatalogueSeenSchema, EntryKind, ServerState } from "@tollgate/schema/catalogue";
import { Era } from "@tollgate/schema/resources";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { foldStream } from "../log/fold-stream.ts";
import { head } from "../log/read.ts";
import { approvalTable } from "../servers/server.projection.ts";
import { toolApprovalDecider, toolApprovalId } from "../tool-approvals/tool-approval.decider.ts";
import { catalogueService } from "./catalogue-service.ts";
import { forgetUnseen } from "./store.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("catalogue");
});

afterAll(() => api?.close());

type Seen = MessageInitShape<typeof CatalogueSeenSchema>;
type Tool = Record<string, unknown> & { name: string };

const hashOf = (definition: object): string =>
  createHash("sha256")
    .update(canonicalDefinition(JSON.stringify(definition)) ?? "")
    .digest("hex");
const bodyOf = (definition: object): Uint8Array => Buffer.from(JSON.stringify(definition));
const sql = () => api.plane.database.sql;

async function newServer(name: string): Promise<string> {
  const made = await api.mutate("registerServer", { name, url: `https://${name}.example/mcp` }, "server { id }");
  return (made["server"] as { id: string }).id;
}

/** As the service is called; the answer's hashes in hexadecimal. */
async function report(seen: Seen, proxyId = "proxy-a") {
  const service = catalogueService({ database: api.plane.database, nowMs: api.plane.nowMs });
  const { definitions, listings } = await service.report(create(CatalogueSeenSchema, seen), { proxyId, boot: "b" });
  return { definitions: (definitions ?? []).map((hash) => Buffer.from(hash).toString("hex")).sort(), listings };
}

let clockMs = 1_700_000_000_000;
const listingOf = (tools: readonly Tool[], listedAtMs = (clockMs += 1_000)) => ({
  listedAtMs: BigInt(listedAtMs),
  entries: tools.map((tool) => ({ kind: EntryKind.TOOL, name: tool.name, sha256: Buffer.from(hashOf(tool), "hex") })),
});

const listed = (serverId: string, tools: readonly Tool[], listedAtMs?: number): Seen => ({
  servers: [{ serverId, state: ServerState.CONNECTED, listing: listingOf(tools, listedAtMs) }],
});

type Entry = {
  name: string;
  sha256: string;
  previousSha256: string | null;
  isApproved: boolean;
  changedAt: string;
  firstSeen: string;
  definition: string | null;
  difference: { changes: unknown[] } | null;
  hidden: unknown[];
};
type Shown = {
  health: { proxyId: string; state: string; reason: string; era: string | null }[];
  listing: { lastChange: string; listedAt: string; instructions: string; version: string } | null;
  tools: { nodes: Entry[]; pageInfo: { endCursor: string; hasNextPage: boolean } };
  pendingTools: { nodes: { name: string }[] };
};

async function shown(id: string): Promise<Shown> {
  const { position: at } = await head(sql());
  const { server } = await api.admin.run<{ server: Shown }>(
    `query ($id: ID!, $at: Position) { server(id: $id, atLeast: $at) {
      health { proxyId state reason era } listing { lastChange listedAt instructions version }
      tools { nodes { name sha256 previousSha256 isApproved firstSeen changedAt definition hidden { path codePoints }
        difference { isWhole changes { path before after } } } pageInfo { endCursor hasNextPage } }
      pendingTools { nodes { name } } } }`,
    { id, at: at.toString() },
  );
  return server;
}

const rows = (serverId: string) =>
  sql().query(
    "SELECT kind, name, encode(sha256, 'hex') AS sha256, first_seen, changed_at, gone_at, xmin::text FROM catalogue.entry WHERE server_id = $1 ORDER BY kind, name",
    [serverId],
  );

const read: Tool = { name: "read", description: "Reads a file", inputSchema: { type: "object" } };
const write: Tool = { name: "write", description: "Writes a file" };

describe("a listing", () => {
  test("is shown with its definitions, which are asked for once and told once", async () => {
    const id = await newServer("shows");
    expect(await report({ servers: [{ serverId: id, state: ServerState.CONNECTED }] })).toEqual({
      ...{ definitions: [], listings: [id] },
    });
    const wanted = [hashOf(read), hashOf(write)].sort();
    const first = listed(id, [read, write]);
    expect(await report(first)).toEqual({ definitions: wanted, listings: [] });
    expect(await report({ ...first, definitions: [bodyOf(read), bodyOf({ name: "asked for by nobody" })] })).toEqual({
      ...{ definitions: [hashOf(write)], listings: [] },
    });
    expect((await report({ definitions: [bodyOf(write)] })).definitions).toEqual([]);
    const { tools, listing } = await shown(id);
    expect(tools.nodes.map(({ name, definition }) => [name, definition])).toEqual([
      ["read", JSON.stringify(read)],
      ["write", JSON.stringify(write)],
    ]);
    expect(listing).toMatchObject({ lastChange: tools.nodes[0]?.firstSeen });
    expect(await sql().query("SELECT 1 FROM catalogue.definition WHERE text LIKE '%nobody%'")).toEqual([]);
  });

  test("that says the same changes no row, whichever proxy brings it and when", async () => {
    const id = await newServer("same");
    await report(listed(id, [read, write]));
    const before = [await rows(id), (await shown(id)).listing?.lastChange];
    for (const proxy of ["proxy-a", "proxy-b", "proxy-c"]) await report(listed(id, [write, read]), proxy);
    expect([await rows(id), (await shown(id)).listing?.lastChange]).toEqual(before);
  });

  test("that is older than the one that is there changes nothing, and one of tomorrow is one of now", async () => {
    const id = await newServer("order");
    const former = (clockMs += 1_000);
    await report(listed(id, [write]));
    await report(listed(id, [read], former), "proxy-late");
    expect((await shown(id)).tools.nodes.map(({ name }) => name)).toEqual(["write"]);
    await report(listed(id, [read], api.plane.nowMs() + 86_400_000), "proxy-fast");
    await report(listed(id, [read, write], api.plane.nowMs() + 1), "proxy-right");
    expect((await shown(id)).tools.nodes.map(({ name }) => name)).toEqual(["read", "write"]);
  });

  test("says what changed, and knows it still of what was away in between", async () => {
    const id = await newServer("changes");
    await report({ ...listed(id, [read, write]), definitions: [bodyOf(read), bodyOf(write)] });
    const [before] = (await shown(id)).tools.nodes;
    const other = { ...read, description: "Reads a file, and sends it to \u202emoc.live" };
    await report(listed(id, [write]));
    expect((await shown(id)).tools.nodes.map(({ name }) => name)).toEqual(["write"]);
    await report({ ...listed(id, [other, write]), definitions: [bodyOf(other)] });
    const [after] = (await shown(id)).tools.nodes;
    expect(after).toMatchObject({
      ...{ sha256: hashOf(other), previousSha256: before?.sha256, firstSeen: before?.firstSeen },
      hidden: [{ path: "/description", codePoints: [0x202e] }],
      difference: {
        isWhole: true,
        changes: [{ path: "/description", before: '"Reads a file"', after: JSON.stringify(other.description) }],
      },
    });
    expect(Date.parse(after?.changedAt ?? "")).toBeGreaterThan(Date.parse(before?.changedAt ?? ""));
    const [untouched] = (await shown(id)).tools.nodes.filter(({ name }) => name === "write");
    expect(untouched).toMatchObject({ previousSha256: null, changedAt: untouched?.firstSeen, difference: null });
  });

  test("of several at once leaves one of them, whole", async () => {
    const id = await newServer("races");
    const lists = [[read], [write], [read, write], []];
    await Promise.all(lists.flatMap((tools, n) => [1, 2, 3].map(() => report(listed(id, tools), `proxy-${n}`))));
    const names = (await shown(id)).tools.nodes.map(({ name }) => name);
    expect(lists.map((tools) => tools.map(({ name }) => name))).toContainEqual(names);
  });

  test("has all kinds apart, and pages", async () => {
    const id = await newServer("kinds");
    const kinds = [EntryKind.TOOL, EntryKind.PROMPT, EntryKind.RESOURCE, EntryKind.RESOURCE_TEMPLATE];
    const entries = kinds.flatMap((kind) =>
      Array.from({ length: 3 }, (_, n) => ({ kind, name: `x-${kind}-${n}`, sha256: new Uint8Array(32).fill(n) })),
    );
    await report({ servers: [{ serverId: id, listing: { listedAtMs: 1n, entries: [...entries, ...entries] } }] });
    type Page = { nodes: { name: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } };
    const at = (await head(sql())).position.toString();
    const page = (kind: string, after: string | null = null) =>
      api.admin.run<{ server: { entries: Page } }>(
        `query ($id: ID!, $kind: CatalogueKind!, $after: String, $at: Position) { server(id: $id, atLeast: $at) {
          entries(kind: $kind, first: 2, after: $after) { nodes { name } pageInfo { endCursor hasNextPage } } } }`,
        { id, kind, after, at },
      );
    for (const [index, kind] of ["TOOL", "PROMPT", "RESOURCE", "RESOURCE_TEMPLATE"].entries()) {
      const { entries: first } = (await page(kind)).server;
      const { entries: rest } = (await page(kind, first.pageInfo.endCursor)).server;
      expect([first.pageInfo.hasNextPage, rest.pageInfo.hasNextPage]).toEqual([true, false]);
      expect([...first.nodes, ...rest.nodes].map(({ name }) => name)).toEqual(
        [0, 1, 2].map((n) => `x-${index + 1}-${n}`),
      );
    }
  });
});

describe("health", () => {
  test("is each proxy's own last word, and unknown of one that was not heard of", async () => {
    const id = await newServer("health");
    const said = (state: ServerState, reason = ""): Seen => ({
      servers: [{ serverId: id, state, reason, sinceMs: 1_700_000_000_000n, era: Era.LEGACY }],
    });
    await report(said(ServerState.CONNECTED), "one");
    await report(said(ServerState.CONNECTED), "two");
    await report(said(ServerState.NEEDS_AUTH, `401 \0${"x".repeat(600)}`), "two");
    const reason = `401 \ufffd${"x".repeat(495)}`;
    expect((await shown(id)).health).toEqual([
      { proxyId: "one", state: "CONNECTED", reason: "", era: "LEGACY" },
      { proxyId: "two", state: "NEEDS_AUTH", reason, era: "LEGACY" },
    ]);
    const metrics = await (await fetch(`${api.adminUrl}/metrics`)).text();
    expect(metrics).toContain('tollgate_server_health{state="needs-auth"} 1');
    await sql().query("UPDATE catalogue.health SET reported_at = now() - interval '6 minutes' WHERE proxy_id = 'two'");
    expect((await shown(id)).health[1]).toMatchObject({ state: "UNKNOWN", reason: "" });
  });

  test("of a server that there is not is kept by nobody, and the others of the report are", async () => {
    const id = await newServer("there");
    const servers = [id, "0123456789abcdef", ""].map((serverId) => ({ serverId, listing: listingOf([read]) }));
    expect((await report({ servers })).listings).toEqual([]);
    const kept = await sql().query("SELECT server_id AS id FROM catalogue.health WHERE server_id <> ALL ($1)", [
      (await sql().query<{ id: string }>("SELECT substr(stream, 8) AS id FROM log.name WHERE kind = 'server'")).map(
        (row) => row.id,
      ),
    ]);
    expect(kept).toEqual([]);
    expect((await shown(id)).tools.nodes).toHaveLength(1);
  });
});

test.each<[string, Seen]>([
  [
    "a hash that is none",
    { servers: [{ serverId: "s", listing: { entries: [{ kind: EntryKind.TOOL, name: "t" }] } }] },
  ],
  [
    "a name with a NUL",
    { servers: [{ serverId: "s", listing: { entries: [{ name: "a\0b", sha256: new Uint8Array(32) }] } }] },
  ],
  [
    "more entries than a server may have",
    {
      servers: [
        {
          serverId: "s",
          listing: {
            entries: Array.from({ length: limits.catalogueEntriesMax + 1 }, (_, n) => ({
              ...{ kind: EntryKind.TOOL, name: `t${n}`, sha256: new Uint8Array(32) },
            })),
          },
        },
      ],
    },
  ],
  ["more servers than a report may have", { servers: Array.from({ length: 1_001 }, (_, n) => ({ serverId: `${n}` })) }],
])("a report with %s is refused", async (_, seen) => {
  await expect(report(seen)).rejects.toMatchObject({ code: "request.invalid" });
});

test("a definition that is too large, or is none, is passed over", async () => {
  const id = await newServer("large");
  const large = { name: "large", description: "x".repeat(limits.definitionBytesMax) };
  const seen = listed(id, [large, read]);
  const definitions = [bodyOf(large), Buffer.from("[]"), Buffer.from([0xff, 0x00]), Buffer.from("{"), bodyOf(read)];
  expect((await report({ ...seen, definitions })).definitions).toEqual([hashOf(large)]);
  expect((await shown(id)).tools.nodes.map(({ definition }) => definition !== null)).toEqual([false, true]);
});

describe("approvals", () => {
  const fields = "server { id pendingTools { nodes { name } } }";
  const approve = (serverId: string, ...tools: Tool[]) =>
    api.mutate(
      "approveTools",
      { serverId, tools: tools.map((tool) => ({ name: tool.name, sha256: hashOf(tool) })) },
      fields,
    );

  test("are of what was seen last, an event each in one commit, and show", async () => {
    const id = await newServer("approves");
    await report(listed(id, [read, write]));
    const { position } = await head(sql());
    const done = await approve(id, read, write);
    expect(done.__typename).toBe("ApproveToolsSucceeded");
    const events = await sql().query<{ type: string; commit: bigint }>(
      "SELECT type, commit FROM log.event WHERE position > $1",
      [position],
    );
    const event = { type: "tollgate.v1.ToolApproved", commit: BigInt(done.position ?? 0) };
    expect(events).toEqual([event, event]);
    const after = await shown(id);
    expect(after.tools.nodes.map(({ isApproved }) => isApproved)).toEqual([true, true]);
    expect(after.pendingTools.nodes).toEqual([]);
    const stored = await foldStream(sql(), toolApprovalDecider, toolApprovalId(id, "read"));
    expect(Buffer.from(stored?.definitionSha256 ?? []).toString("hex")).toBe(hashOf(read));

    const other = { ...read, description: "Sends a file" };
    await report({ ...listed(id, [other, write]), definitions: [bodyOf(read), bodyOf(other)] });
    const pending = await shown(id);
    expect(pending.pendingTools.nodes).toEqual([{ name: "read" }]);
    expect(pending.tools.nodes[0]).toMatchObject({
      isApproved: false,
      difference: { changes: [{ path: "/description", before: '"Reads a file"', after: '"Sends a file"' }] },
    });
  });

  test("of a definition that is not the last one are refused, and with it all of the list", async () => {
    const id = await newServer("stale");
    const other = { ...read, description: "Other" };
    await report(listed(id, [other, write]));
    const { position } = await head(sql());
    expect(await approve(id, write, read)).toMatchObject({
      __typename: "ToolChanged",
      message: expect.stringContaining("read"),
    });
    expect(await approve(id, { name: "never" })).toMatchObject({ __typename: "ToolChanged" });
    expect(await approve("0123456789abcdef", write)).toMatchObject({ __typename: "NotFound" });
    expect(await approve(id)).toMatchObject({ __typename: "InvalidInput", field: "tools" });
    expect(await approve(id, write, write)).toMatchObject({ __typename: "InvalidInput", field: "tools" });
    expect((await head(sql())).position).toBe(position);
  });

  test("are withdrawn one by one, and all of them when their server is retired", async () => {
    const id = await newServer("withdraws");
    await report(listed(id, [read, write]));
    await approve(id, read, write);
    await api.mutate("withdrawToolApproval", { serverId: id, name: "read" }, fields);
    expect((await shown(id)).pendingTools.nodes).toEqual([{ name: "read" }]);
    expect(await api.mutate("withdrawToolApproval", { serverId: id, name: "read" }, fields)).toMatchObject({
      __typename: "NotFound",
    });
    expect((await api.mutate("retireServer", id, "id")).__typename).toBe("RetireServerSucceeded");
    expect(await foldStream(sql(), toolApprovalDecider, toolApprovalId(id, "write"))).toBeUndefined();
  });
});

test("what was retired, unheard of or long gone is forgotten, and definitions with the last that refers to them", async () => {
  const [kept, retired] = [await newServer("kept"), await newServer("retired")];
  const only = { name: "only-there", description: "only there" };
  const former = { name: "kept-former", description: "former" };
  await report({ ...listed(retired, [only]), definitions: [bodyOf(only)] });
  await report({ ...listed(kept, [former]), definitions: [bodyOf(former)] });
  await report({ ...listed(kept, [{ ...former, description: "now" }]) }, "silent");
  await api.mutate("retireServer", retired, "id");
  await sql().query("UPDATE catalogue.definition SET stored_at = now() - interval '1 year'");
  await sql().query("UPDATE catalogue.health SET reported_at = now() - interval '2 days' WHERE proxy_id = 'silent'");
  await forgetUnseen(sql(), approvalTable);
  const count = (table: string, id: string) =>
    sql().query(`SELECT 1 FROM catalogue.${table} WHERE server_id = $1`, [id]);
  for (const table of ["health", "listing", "entry"]) expect(await count(table, retired), table).toEqual([]);
  expect((await shown(kept)).health.map(({ proxyId }) => proxyId)).toEqual(["proxy-a"]);
  const texts = await sql().query<{ text: string }>(
    "SELECT text FROM catalogue.definition WHERE text LIKE '%only-there%' OR text LIKE '%kept-former%'",
  );
  expect(texts).toEqual([{ text: JSON.stringify(former) }]);
});
