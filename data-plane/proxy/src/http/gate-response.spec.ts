// A head of which most lines are not looked at by Node says what one says that Node has put together: the same lines, and the same
// end of the message. Were one of the lines that say how a message ends among those, its reader would see another message.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../../../../test/support/random.ts";
import { GateRequest } from "./gate-request.ts";
import { GateResponse } from "./gate-response.ts";

type Answer = { readonly status: number; readonly lines: readonly string[]; readonly body: string };

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

/** Heads, each with its lines in order of their text, and bodies. */
function seen(all: string): string[] {
  return all.split("\r\n\r\n").map((part) =>
    part
      .replace(/^Date: .*$/m, "Date: now")
      .split("\r\n")
      .sort()
      .join("\n"),
  );
}

const seed = seedFromEnv();

test(`says what Node says of the same lines (seed ${seed})`, async () => {
  let answer: Answer = { status: 200, lines: [], body: "" };
  await using plain = await listening(
    createServer((_, response) => {
      response.writeHead(answer.status, [...answer.lines]).end(Buffer.from(answer.body));
    }),
  );
  await using gate = await listening(
    createServer(classes, (_, response) => {
      response.writeCheckedHead(answer.status, answer.lines);
      response.end(Buffer.from(answer.body));
    }),
  );
  const name = fc.constantFrom("X-A", "x-b", "content-type", "request-id", "anthropic-ratelimit-requests-remaining");
  const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/);
  const framing = fc.subarray(
    [
      ["Content-Length", "5"],
      ["DATE", "Thu, 01 Jan 1970 00:00:00 GMT"],
      ["content-disposition", 'attachment; filename="e"'],
      ["Connection", "close"],
      ["Keep-Alive", "timeout=1"],
      ["expect", "nothing"],
    ],
    { maxLength: 3 },
  );
  const one = fc.record({
    status: fc.constantFrom(200, 204, 304, 404, 529),
    lines: fc.tuple(fc.array(fc.tuple(name, value), { maxLength: 6 }), framing).map((all) => all.flat(2)),
    method: fc.constantFrom("GET", "HEAD", "POST"),
  });
  await fc.assert(
    fc.asyncProperty(one, async ({ status, lines, method }) => {
      answer = { status, lines, body: "12345" };
      expect(seen(await gate.asked(method, 1))).toEqual(seen(await plain.asked(method, 1)));
    }),
    { seed, numRuns: 150 },
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

test("what one answer said is not said by the next on its connection", async () => {
  let count = 0;
  await using gate = await listening(
    createServer(classes, (_, response) => {
      count += 1;
      if (count === 1) response.writeCheckedHead(200, ["x-one", "1", "content-length", "2"]);
      else response.writeHead(200, ["x-two", "2", "content-length", "2"]);
      response.end(Buffer.from("ok"));
    }),
  );
  const all = await gate.asked("GET", 2);
  expect([all.match(/x-one/g)?.length, all.match(/x-two/g)?.length]).toEqual([1, 1]);
});
