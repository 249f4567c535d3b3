// A head of which most lines are not looked at by Node says what one says that Node has put together: the same lines, and the same
// end of the message. Were one of the lines that say how a message ends among those, its reader would see another message.

import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../../../../test/support/random.ts";
import { GateRequest } from "./gate-request.ts";
import { GateResponse, headLines } from "./gate-response.ts";

type Answer = {
  readonly status: number;
  readonly lines: readonly string[];
  /** Of the gate's own, and nothing that says how a message ends. */
  readonly more: readonly string[];
  readonly isClosing: boolean;
  readonly isFlushed: boolean;
};

async function listening(server: Server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    /** Of as many requests on one connection, which ends with the last. */
    async asked(method: string, count: number): Promise<string> {
      const socket = connect(port, "127.0.0.1");
      const request = (end: string): string => `${method} / HTTP/1.1\r\nhost: a\r\n${end}\r\n`;
      socket.write(request("").repeat(count - 1) + request("connection: close\r\n"));
      return text(socket.setEncoding("latin1"));
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

const classes = { IncomingMessage: GateRequest, ServerResponse: GateResponse };

/** Heads, each with its lines in order of their names, and bodies. */
function seen(all: string): string[][] {
  const nameOf = (line: string): string => (line.split(":")[0] ?? "").toLowerCase();
  const byName = (a: string, b: string): number => Number(nameOf(a) > nameOf(b)) - Number(nameOf(a) < nameOf(b));
  return all.split("\r\n\r\n").map((part) =>
    part
      .replace(/^Date: .*$/m, "Date: now")
      .split("\r\n")
      .sort(byName),
  );
}

const seed = seedFromEnv();

test(`says what Node says of the same lines (seed ${seed})`, async () => {
  let answer: Answer = { status: 200, lines: [], more: [], isClosing: false, isFlushed: false };
  const prepare = (response: ServerResponse): void => {
    if (answer.isClosing) response.setHeader("connection", "close");
  };
  const finish = (response: ServerResponse): void => {
    if (answer.isFlushed) response.flushHeaders();
    response.end(Buffer.from("12345"));
  };
  await using plain = await listening(
    createServer((_, response) => {
      prepare(response);
      response.writeHead(answer.status, [...answer.lines, ...answer.more]);
      finish(response);
    }),
  );
  await using gate = await listening(
    createServer(classes, (_, response) => {
      prepare(response);
      response.writeCheckedHead(answer.status, answer.lines, headLines(answer.more));
      finish(response);
    }),
  );
  const name = fc.constantFrom("X-A", "x-b", "content-type", "request-id", "anthropic-ratelimit-requests-remaining");
  const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/);
  const ending = fc.constantFrom<[string, string][]>([], [["Content-Length", "5"]], [["transfer-encoding", "chunked"]]);
  const more = fc.subarray<[string, string]>([
    ["DATE", "Thu, 01 Jan 1970 00:00:00 GMT"],
    ["Connection", "close"],
    ["Keep-Alive", "timeout=1"],
    ["expect", "nothing"],
  ]);
  const one = fc.record({
    status: fc.constantFrom(200, 204, 304, 404, 529),
    lines: fc.tuple(fc.array(fc.tuple(name, value), { maxLength: 6 }), ending, more).map((all) => all.flat(2)),
    more: fc.array(fc.tuple(name, value), { maxLength: 3 }).map((all) => all.flat()),
    method: fc.constantFrom("GET", "HEAD", "POST"),
    isClosing: fc.boolean(),
    isFlushed: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(one, async ({ method, ...given }) => {
      answer = given;
      expect(seen(await gate.asked(method, 2))).toEqual(seen(await plain.asked(method, 2)));
    }),
    { seed, numRuns: 300 },
  );
});

test("a name of a file that is no ASCII is said as it is, of which Node would make what it refuses", async () => {
  await using gate = await listening(
    createServer(classes, (_, response) => {
      response.writeCheckedHead(200, ["content-length", "2", "content-disposition", 'attachment; filename="\u00e9"']);
      response.end(Buffer.from("ok"));
    }),
  );
  expect(await gate.asked("GET", 1)).toContain('\r\ncontent-disposition: attachment; filename="\u00e9"\r\n');
});

test("what was to be said in a head that did not come about is not said by the refusal in its place", async () => {
  await using gate = await listening(
    createServer(classes, (_, response) => {
      expect(() => response.writeCheckedHead(99, ["x-provider", "1"])).toThrow("99");
      response.writeHead(502, ["content-length", "2"]).end(Buffer.from("no"));
    }),
  );
  const all = await gate.asked("GET", 1);
  expect(all).toContain("HTTP/1.1 502");
  expect(all).not.toContain("x-provider");
});
