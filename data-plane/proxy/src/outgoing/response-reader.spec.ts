// What comes on a connection is read in one way only, however the network cut it: were a cut to change an answer, a client
// would see another one now and then; were the reader more lenient than others, two of them would see two messages.

import { describe, expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { OutgoingError } from "./outgoing.ts";
import { ResponseReader } from "./response-reader.ts";

const headBytesMax = 512;

type Asked = { readonly isHead?: boolean };

/** `keptMs` is "open" where the end did not come, and `error` the code of what was thrown. */
type Seen = {
  statuses: number[];
  headers: Record<string, unknown>;
  raw: readonly string[];
  body: string;
  keptMs: number | undefined | "open";
  error: string | undefined;
};

function read(
  pieces: readonly Buffer[],
  { isHead = false }: Asked = {},
  reader = new ResponseReader(headBytesMax),
): Seen {
  const seen: Seen = { statuses: [], headers: {}, raw: [], body: "", keptMs: "open", error: undefined };
  const chunks: Buffer[] = [];
  const sink = {
    onHead({ status, headers, rawHeaders }: { status: number; headers: object; rawHeaders: readonly string[] }) {
      seen.statuses.push(status);
      Object.assign(seen, { headers: { ...headers }, raw: rawHeaders });
    },
    onBody: (chunk: Buffer) => void chunks.push(chunk),
    onEnd: (keptMs: number | undefined) => void (seen.keptMs = keptMs),
  };
  reader.begin(sink, isHead);
  try {
    for (const piece of pieces) {
      const lent = Buffer.from(piece);
      reader.push(lent);
      // The next piece comes into the same memory.
      lent.fill("?");
    }
    if (!reader.close()) seen.error = "HTTP_CLOSED_EARLY";
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    seen.error = error.code;
  }
  return { ...seen, body: Buffer.concat(chunks).toString("latin1") };
}

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

/** In one piece; and that each cut into two, and into single bytes, gives the same. */
function readHoweverCut(text: string, asked: Asked = {}): Seen {
  const bytes = bytesOf(text);
  const whole = read([bytes], asked);
  for (let at = 1; at < bytes.length; at++)
    expect(read([bytes.subarray(0, at), bytes.subarray(at)], asked), `cut at ${at}`).toEqual(whole);
  const single = read(
    [...bytes].map((byte) => Buffer.from([byte])),
    asked,
  );
  expect(single, "byte by byte").toEqual(whole);
  return whole;
}

const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
const filled = (bytes: number): string => `${ok}x: ${"v".repeat(bytes - ok.length - 3)}\r\n\r\n`;
const interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";

const readable: readonly (readonly [string, string, Partial<Seen>, Asked?])[] = [
  ["a counted body", `${ok}Content-Length: 5\r\n\r\nhello`, { body: "hello", keptMs: undefined }],
  ["a body of no bytes", `${ok}Content-Length: 0\r\n\r\n`, { body: "", keptMs: undefined }],
  ["a length with zeros before it", `${ok}content-length: 005\r\n\r\nhello`, { body: "hello" }],
  ["no reason", "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", { statuses: [200] }],
  ["a reason of any bytes", "HTTP/1.1 404 n\xe4 da\tso\r\ncontent-length: 0\r\n\r\n", { statuses: [404] }],
  ["chunks", `${chunked}5\r\nhello\r\n00A\r\n, and more\r\n0\r\n\r\n`, { body: "hello, and more" }],
  ["chunks that hold line ends", `${chunked}4\r\n\r\n\r\n\r\n0\r\n\r\n`, { body: "\r\n\r\n" }],
  [
    "chunks with extensions",
    `${chunked}5;a=b;c="d e"\r\nhello\r\n0;last\r\n\r\n`,
    { body: "hello", keptMs: undefined },
  ],
  [
    "chunks and a trailer",
    `${chunked}1\r\nx\r\n0\r\nSum: 1\r\nother:\r\n\r\n`,
    { body: "x", raw: ["Transfer-Encoding", "chunked"] },
  ],
  ["chunked in capitals", `${ok}TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n`, { body: "", keptMs: undefined }],
  ["a body until the close", `${ok}\r\nall of it`, { body: "all of it", keptMs: 0 }],
  ["a body of nothing until the close", `${ok}\r\n`, { body: "", keptMs: 0 }],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", { statuses: [204], body: "", keptMs: undefined }],
  [
    "304 that says a length",
    "HTTP/1.1 304 Same\r\ncontent-length: 5\r\n\r\n",
    { statuses: [304], body: "", keptMs: undefined },
  ],
  ["the answer to a HEAD", `${ok}content-length: 5\r\n\r\n`, { body: "", keptMs: undefined }, { isHead: true }],
  ["the chunked answer to a HEAD", chunked, { body: "", keptMs: undefined }, { isHead: true }],
  [
    "an answer before the answer",
    `HTTP/1.1 100 Continue\r\n\r\n${interim}${ok}content-length: 1\r\n\r\nx`,
    { statuses: [200], body: "x" },
  ],
  ["32 answers before it", `${interim.repeat(32)}HTTP/1.1 204 \r\n\r\n`, { statuses: [204] }],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", { body: "x", keptMs: 0 }],
  [
    "HTTP/1.0 that is kept",
    "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 1\r\n\r\nx",
    { body: "x", keptMs: undefined },
  ],
  ["how long it is kept", `${ok}keep-alive: max=9, timeout=5\r\ncontent-length: 0\r\n\r\n`, { keptMs: 5_000 }],
  ["not kept at all", `${ok}keep-alive: timeout=0\r\ncontent-length: 0\r\n\r\n`, { keptMs: 0 }],
  [
    "a hint that is none",
    `${ok}keep-alive: xtimeout=5, timeout=soon\r\ncontent-length: 0\r\n\r\n`,
    { keptMs: undefined },
  ],
  ["connection: close", `${ok}Connection: x, Close\r\ncontent-length: 0\r\n\r\n`, { keptMs: 0 }],
  ["connection twice", `${ok}connection: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, { keptMs: 0 }],
  [
    "repeated headers",
    `${ok}A: 1\r\na: \t2 \t\r\nServer: b\r\nserver: c\r\ncontent-length: 0\r\n\r\n`,
    {
      headers: { a: "1, 2", server: "b", "content-length": "0" },
      raw: ["A", "1", "a", "2", "Server", "b", "server", "c", "content-length", "0"],
    },
  ],
  [
    "cookies",
    `${ok}set-cookie: a=1, 2\r\nSet-Cookie: b\r\ncontent-length: 0\r\n\r\n`,
    {
      headers: { "set-cookie": ["a=1, 2", "b"], "content-length": "0" },
    },
  ],
  [
    "names that objects have",
    `${ok}constructor: 1\r\nconstructor: 2\r\ncontent-length: 0\r\n\r\n`,
    {
      headers: { constructor: "1, 2", "content-length": "0" },
    },
  ],
  ["a head as large as may be", filled(headBytesMax), { body: "", keptMs: 0 }],
  [
    "a chunk size with an extension as large as may be",
    `${chunked}0;${"a".repeat(4_094)}\r\n\r\n`,
    { keptMs: undefined },
  ],
  ["a trailer as large as may be", `${chunked}0\r\nx: ${"v".repeat(headBytesMax - 3)}\r\n\r\n`, { keptMs: undefined }],
];

describe("an answer is read, the same however it is cut", () => {
  test.each(readable.map(([name, ...row]) => ({ name, row })))("$name", ({ row: [text, expected, asked] }) => {
    expect(readHoweverCut(text, asked)).toMatchObject({ statuses: [200], ...expected, error: undefined });
  });
});

const field = (line: string): string => `${ok}${line}\r\ncontent-length: 0\r\n\r\n`;
const malformed = "HTTP_MALFORMED";
const refused: readonly (readonly [string, string, string?])[] = [
  ["both ways to find the end", `${ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["both, the other way round", `${ok}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`],
  ["two lengths", `${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`],
  ["one length twice", `${ok}content-length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ["two codings", `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ...["5, 5", "+5", "-1", "0x5", "5.0", "5 5", "", "5;", "\xa05", "5\xa0", "9".repeat(16)].map(
    (length) => [`the length "${length}"`, `${ok}content-length: ${length}\r\n\r\nhello`] as const,
  ),
  ...["gzip, chunked", "chunked, chunked", "identity", "", "xchunked", "chunked;q=1", "\xa0chunked", "chunked\xa0"].map(
    (coding) => [`the coding "${coding}"`, `${ok}transfer-encoding: ${coding}\r\n\r\n0\r\n\r\n`] as const,
  ),
  ["a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a line that ends in LF", `${ok}a: b\ncontent-length: 0\r\n\r\n`],
  ["a status line that ends in LF", "HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n"],
  ["a head that ends in LF", `${ok}content-length: 0\r\n\n\r\n\r\n`],
  ["a folded line", field("a: b\r\n c")],
  ["a folded first line", field(" a: b")],
  ["a space before the colon", field("a : b")],
  ["a space before the colon of the length", `${ok}content-length : 0\r\n\r\n`],
  ["no colon", field("a")],
  ["no name", field(": b")],
  ...["a\0b", "a\rb", "a\x7fb", "a\x1bb"].map(
    (value) => [`the value ${JSON.stringify(value)}`, field(`a: ${value}`)] as const,
  ),
  ["the name __proto__", field("__proto__: b")],
  ...["g", "", " 5", "5 ", "0x5", "-5", "+5", "5,", "5\n", "5;a\x01", "1234567890abc", `5;${"a".repeat(4_096)}`].map(
    (size) =>
      [`the chunk size ${JSON.stringify(size.slice(0, 16))}`, `${chunked}${size}\r\nhello\r\n0\r\n\r\n`] as const,
  ),
  ["a chunk size without end", `${chunked}${"0".repeat(4_100)}`],
  ["a chunk size without CRLF", `${chunked}5\nhello\r\n0\r\n\r\n`],
  ["a chunk that is longer than it says", `${chunked}4\r\nhello\r\n0\r\n\r\n`],
  ["a chunk that ends in LF", `${chunked}5\r\nhello\n0\r\n\r\n`],
  ["a trailer that is none", `${chunked}0\r\na b\r\n\r\n`],
  ["a head that is too large", filled(headBytesMax + 1), "HTTP_HEAD_TOO_LARGE"],
  ["a head without end", filled(headBytesMax * 2).trimEnd(), "HTTP_HEAD_TOO_LARGE"],
  ["a trailer that is too large", `${chunked}0\r\nx: ${"v".repeat(headBytesMax - 2)}\r\n\r\n`, "HTTP_HEAD_TOO_LARGE"],
  ["101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"],
  ["a 33rd answer before it", `${interim.repeat(33)}HTTP/1.1 204 \r\n\r\n`],
  ...[
    "HTTP/2.0 200 OK",
    "HTTP/1.2 200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1  200 OK",
    "http/1.1 200 OK",
  ].map((line) => [`the line "${line}"`, `${line}\r\ncontent-length: 0\r\n\r\n`] as const),
  ["an empty line before it", `\r\n${ok}content-length: 0\r\n\r\n`],
  ["TLS", "\x16\x03\x01\x02\0\x01"],
  ["HTTP/2", "\0\0\x12\x04\0\0\0\0\0"],
  ["SSH", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["an answer that is not whole", `${ok}content-length: 5\r\n\r\nhell`, "HTTP_CLOSED_EARLY"],
  ["a last chunk without the empty line", `${chunked}0\r\n`, "HTTP_CLOSED_EARLY"],
  ["half a head", ok, "HTTP_CLOSED_EARLY"],
  ["only an answer before the answer", interim, "HTTP_CLOSED_EARLY"],
];

describe("what others could read otherwise is refused, the same however it is cut", () => {
  test.each(refused.map(([name, ...row]) => ({ name, row })))("$name", ({ row: [text, code = malformed] }) => {
    expect(readHoweverCut(text)).toMatchObject({ keptMs: "open", error: code });
  });
});

/** The same lines in another order, so that one stands where another stood. */
function turned(text: string): string {
  const [head = "", ...body] = text.split("\r\n\r\n");
  const [status = "", ...lines] = head.split("\r\n");
  return [[status, ...lines.reverse()].join("\r\n"), ...body].join("\r\n\r\n");
}

const shuffleSeed = seedFromEnv();
test(`an answer is read as if none had come before it on the connection (seed ${shuffleSeed})`, () => {
  const random = seededRandom(shuffleSeed);
  const all = readable.flatMap(([, text, , asked]) =>
    [text, turned(text)].map((one) => [bytesOf(one), asked] as const),
  );
  const reader = new ResponseReader(headBytesMax);
  for (let round = 0; round < 20 * all.length; round++) {
    const [bytes, asked] = random.pick(all);
    expect(read([bytes], asked, reader), bytes.toString("latin1")).toEqual(read([bytes], asked));
    // A refused one is the last of its connection; whoever reads on all the same must not find it half remembered.
    const [, wrong] = random.pick(refused);
    const fresh = read([bytesOf(wrong)]);
    expect(read([bytesOf(wrong)], {}, reader), wrong).toEqual(fresh);
    reader.stop();
  }
});

test("the same head once for a HEAD and once not ends where its own answer does", () => {
  const reader = new ResponseReader(headBytesMax);
  const head = `${ok}content-length: 2\r\n\r\n`;
  for (let round = 0; round < 2; round++) {
    expect(read([bytesOf(`${head}ok`)], {}, reader)).toMatchObject({ body: "ok", error: undefined });
    expect(read([bytesOf(head)], { isHead: true }, reader)).toMatchObject({ body: "", error: undefined });
  }
});

test("bytes behind the end keep the connection from being used again: they would answer the next request", () => {
  for (const head of [`${ok}content-length: 2\r\n\r\nok`, `${chunked}2\r\nok\r\n0\r\n\r\n`])
    for (const behind of ["x", "\r\n", `${ok}content-length: 0\r\n\r\n`])
      expect(read([bytesOf(head + behind)])).toMatchObject({ body: "ok", keptMs: 0, error: undefined });
});

/** A reader of an answer in four chunks; each that was given, "head" and "end" are told in order. */
function openHeldUp(onGiven: (reader: ResponseReader, what: string) => void) {
  const given: string[] = [];
  const reader = new ResponseReader(headBytesMax);
  const give = (what: string): void => {
    given.push(what);
    onGiven(reader, what);
  };
  reader.begin({ onHead: () => give("head"), onBody: (chunk) => give(String(chunk)), onEnd: () => give("end") }, false);
  return { given, reader };
}

const inChunks = bytesOf(`${chunked}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`);

test("who is held up is given nothing more, neither of what is there nor of what comes, until he goes on", () => {
  const { given, reader } = openHeldUp((held) => held.pause());
  reader.push(inChunks.subarray(0, -4));
  expect(given).toEqual(["head"]);
  reader.push(inChunks.subarray(-4));
  for (const known of [
    ["head", "a"],
    ["head", "a", "b"],
    ["head", "a", "b", "end"],
  ]) {
    reader.resume();
    expect(given).toEqual(known);
  }
});

test("who goes on while he is still being given something is given the rest once, and in order", () => {
  const { given, reader } = openHeldUp((held) => {
    held.pause();
    held.resume();
    held.pause();
    held.resume();
  });
  reader.push(inChunks);
  expect(given).toEqual(["head", "a", "b", "end"]);
});

test("nobody is given anything after he wanted no more", () => {
  const { given, reader } = openHeldUp((held, what) => what === "a" && held.stop());
  reader.push(inChunks);
  expect(given).toEqual(["head", "a"]);
});
