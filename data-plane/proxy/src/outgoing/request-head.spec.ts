// Whoever a part of a request came from, it must not end a line of its head or begin another request: the server would do what
// nobody was allowed to ask of it.

import { expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { ask, openWorld } from "../fixtures/outgoing-fixture.ts";
import type { OutgoingRequest } from "./outgoing.ts";
import { RequestHeads } from "./request-head.ts";

test("what cannot be sent as it is is told as an error, and none of it is sent", async () => {
  const { pool, sockets } = await openWorld();
  const headers = [
    ...["a\r\nb: c", "a\nb", "a\rb", "a\0b", "\u0161", "a\x7f"].map((value) => ["x", value]),
    ...["", "a b", "a:", "a\r\n", "\xe9"].map((name) => [name, "x"]),
    ...["Connection", "transfer-encoding", "TE", "Trailer", "Upgrade", "Expect", "keep-alive"].map((name) => [
      name,
      "x",
    ]),
    ...["3", "5", "-4", "4, 4", "0x4", "04", "", " 4"].map((length) => ["content-length", length]),
    ["content-length", "4", "Content-Length", "4"],
  ];
  const wrong: Partial<OutgoingRequest>[] = [
    ...headers.map((one) => ({ method: "POST", body: "body", headers: one })),
    ...["", "/a b", "/\r\n", "/\u0161", "/\0"].map((path) => ({ path })),
    ...["", "GE T", "GET\r\n", "GET/"].map((method) => ({ method })),
  ];
  for (const request of wrong)
    expect((await ask(pool, request).over).events, JSON.stringify(request)).toEqual(["error"]);
  expect(sockets).toHaveLength(0);
});

test("a host that is said twice is not sent: two servers would take it for two", async () => {
  const { pool, sockets } = await openWorld();
  expect((await ask(pool, { headers: ["host", "a", "Host", "b"] }).over).events).toEqual(["error"]);
  expect(sockets).toHaveLength(0);
});

const seed = seedFromEnv();
test(`a head is printed as if none had been printed before (seed ${seed})`, () => {
  const random = seededRandom(seed);
  const pairs = ["host", "a", "host", "b", "content-length", "4", "Content-Length", "4", "content-length", "5"];
  const more = ["x", "1", "x", "2", "X", "1", "y", "v".repeat(2_000), "te", "x", "a b", "x", "x", "a\r\nb: c"];
  const names = [...pairs, ...more].flatMap((name, at, all) => (at % 2 === 0 ? [[name, all[at + 1] ?? ""]] : []));
  const printed = (heads: RequestHeads, request: OutgoingRequest): unknown => {
    try {
      return heads.print(request, "server");
    } catch (error) {
      return String(error);
    }
  };
  const heads = new RequestHeads();
  const texts = new Set<unknown>();
  for (let round = 0; round < 5_000; round++) {
    const headers = Array.from({ length: random.int(4) }, () => random.pick(names)).flat();
    const request = { method: "POST", path: "/", headers, body: "body" };
    const fresh = printed(new RequestHeads(), request);
    expect(printed(heads, request), JSON.stringify(headers)).toEqual(fresh);
    texts.add(typeof fresh);
  }
  expect(texts).toEqual(new Set(["string", "object"]));
});
