// What a tool list may cost. A server says how much it sends, so without bounds one of them could take a worker's memory, and
// with it everybody's calls; and a list that failed because of one server would take all others' tools away.

import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import type { TollgateError } from "@tollgate/kernel/errors";
import { grantOf } from "@tollgate/kernel/grant";
import { KeySchema, TeamSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import {
  at,
  key,
  post,
  server,
  startGate,
  startScripted,
  started,
  team,
  viewWith,
  type Received,
} from "../fixtures/gate-fixture.ts";
import { listMeter, openRoom } from "./list-bounds.ts";
import { visibleTools, type ListedTool } from "./tool-list.ts";

type Lister = (cursor: string | undefined) => object;
const json = { "content-type": "application/json" };

function answerWith({ body, response }: Received, list: Lister): void {
  const { id, params } = JSON.parse(body);
  response.writeHead(200, json).end(JSON.stringify({ jsonrpc: "2.0", id, result: list(params.cursor) }));
}

const listing = async (list: Lister) => started(await startScripted((received) => answerWith(received, list)));
const toolsOf = (count: number, more = {}) => Array.from({ length: count }, (_, n) => ({ name: `t${n}`, ...more }));

async function startWith(servers: Record<string, { url: string }>, settings: Record<string, string>) {
  const agent = key(["*/*"]);
  const resources = Object.entries(servers).map(([name, { url }]) => server(name, url));
  const gate = started(await startGate(viewWith([team(), agent.resource, ...resources]), settings));
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  const list = async (): Promise<string[]> => {
    const { json: answer } = await post(`${gate.url}/mcp`, body, { authorization: `Bearer ${agent.text}` });
    const tools = at(answer, "result", "tools");
    return Array.isArray(tools) ? tools.map((tool: unknown) => String(at(tool, "name"))) : [];
  };
  return { list, omissions: () => gate.gate.counters.snapshot().omissionsByCode };
}

test("a server that never stops sending is cut off at its bound and left out, and the list goes out without it", async () => {
  let sentBytes = 0;
  let isCutOff = false;
  const piece = Buffer.alloc(64 * 1024, " ");
  const endless = started(
    await startScripted(async ({ response }) => {
      response.once("close", () => (isCutOff = true));
      response.writeHead(200, json).write('{"jsonrpc":"2.0","result":{"tools":[');
      // What the sockets hold is on top; without a bound this goes on until the time is over.
      for (; !isCutOff; sentBytes += piece.length)
        if (!response.write(piece)) await Promise.race([once(response, "drain"), once(response, "close")]);
    }),
  );
  const modest = await listing(() => ({ tools: toolsOf(2) }));
  const settings = { TOLLGATE_LIST_SERVER_BYTES_MAX: "1000000", TOLLGATE_LIST_TIMEOUT_MS: "60000" };
  const { list, omissions } = await startWith({ endless, modest }, settings);
  expect(await list()).toEqual(["modest__t0", "modest__t1"]);
  expect(omissions()).toEqual({ "upstream.too-large": 1 });
  expect(sentBytes).toBeLessThan(32_000_000);
});

test("a server's bounds hold over all of its pages: bytes, pages and tools, up to the bound and not beyond", async () => {
  const paged = (pages: number, tools: () => object[]) => {
    const next = (page: number) => (page < pages ? { nextCursor: String(page) } : {});
    return listing((cursor) => ({ tools: tools(), ...next(Number(cursor ?? 0) + 1) }));
  };
  let named = 0;
  const some = (count: number, more = {}) => toolsOf(count, more).map((tool) => ({ ...tool, name: `t${named++}` }));
  const wide = { description: "x".repeat(4_000) };
  const servers = {
    "all-pages": await paged(4, () => some(2)),
    "all-tools": await paged(1, () => some(20)),
    bytes: await paged(4, () => some(1, wide)),
    "most-bytes": await paged(2, () => some(1, wide)),
    pages: await paged(5, () => some(1)),
    tools: await paged(3, () => some(7)),
  };
  const { list, omissions } = await startWith(servers, {
    TOLLGATE_LIST_SERVER_BYTES_MAX: "10000",
    TOLLGATE_LIST_SERVER_PAGES_MAX: "4",
    TOLLGATE_LIST_SERVER_TOOLS_MAX: "20",
  });
  const listed = Map.groupBy(await list(), (name) => name.split("__")[0]);
  expect([...listed].map(([name, { length }]) => [name, length])).toEqual([
    ["all-pages", 8],
    ["all-tools", 20],
    ["most-bytes", 2],
  ]);
  expect(omissions()).toEqual({ "upstream.too-large": 3 });
});

test("a list over its own bound loses servers from its end, the same ones each time, and what was gathered is given back", async () => {
  const large = await listing(() => ({ tools: toolsOf(1, { description: "x".repeat(4_000) }) }));
  const small = await listing(() => ({ tools: toolsOf(1) }));
  // Without giving back, the third list would find no room.
  const settings = { TOLLGATE_LIST_BYTES_MAX: "9000", TOLLGATE_LIST_GATHERED_BYTES_MAX: "30000" };
  const { list, omissions } = await startWith({ a: large, b: small, c: large, d: large, e: small }, settings);
  for (let lists = 1; lists <= 6; lists++) {
    expect(await list()).toEqual(["a__t0", "b__t0", "c__t0"]);
    expect(omissions()).toEqual({ "mcp.list-full": 2 * lists });
  }
});

test("whichever server answers first, the list is the same", async () => {
  const names = ["a", "b", "c", "d"];
  const view = viewWith(names.map((name) => server(name, `http://${name}/`)));
  const bytes: Record<string, number> = { a: 30, b: 40, c: 40, d: 10 };
  const principal = { key: create(KeySchema), team: create(TeamSchema), ...grantOf(["*/*"]) };
  for (const order of [names, names.toReversed(), ["d", "b", "c", "a"], ["c", "a", "d", "b"]]) {
    const waiting = new Map<string, (tools: ListedTool[]) => void>();
    const omitted: string[] = [];
    const list = visibleTools({
      ...{ view, principal, bytesMax: 100 },
      toolsOf: ({ name }) => new Promise((resolve) => waiting.set(name, resolve)),
      onOmitted: ({ name }, { code }) => void omitted.push(`${name} ${code}`),
    });
    for (const name of order) {
      waiting.get(name)?.([{ tool: "t", exposed: `${name}__t`, bytes: Buffer.alloc(bytes[name] ?? 0, name) }]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await list).map((part) => part.toString("utf8", 0, 1))).toEqual(["a", "b"]);
    expect(omitted).toEqual(["c mcp.list-full", "d mcp.list-full"]);
  }
});

test("servers that each keep to their bound are too much together, until one of them is done", () => {
  const room = openRoom(100);
  const [first, second] = [listMeter({ listServerBytesMax: 80 }, room), listMeter({ listServerBytesMax: 80 }, room)];
  const codeOf = (error: TollgateError | undefined) => error?.code;
  expect([codeOf(first.meter(60)), codeOf(second.meter(40))]).toEqual([undefined, undefined]);
  expect([codeOf(first.meter(21)), codeOf(second.meter(1))]).toEqual(["upstream.too-large", "mcp.list-full"]);
  first.close();
  first.close();
  expect([codeOf(second.meter(40)), codeOf(second.meter(1)), room.take(21)]).toEqual([
    undefined,
    "upstream.too-large",
    false,
  ]);
});
