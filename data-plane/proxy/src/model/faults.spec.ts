// What a provider can do to a call at both doors, apart from cutting it (cuts.spec.ts): answer with what is no HTTP, flood,
// redirect, say nothing, be out of reach, be somebody else. Whatever it is, the client is told in its door's own words or sees a
// break, the call is booked once, and no connection and no timer is left behind.

import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { ProviderKind } from "@tollgate/schema/resources";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { newTlsAuthority } from "../../../../test/support/tls-identity.ts";
import { at, started, until } from "../fixtures/gate-fixture.ts";
import { expectNothingLeftOpen } from "../fixtures/left-open.ts";
import * as fixture from "../fixtures/model-fixture.ts";
import { startRawProvider, type Identity, type RawRequest } from "../fixtures/raw-provider.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { bytesOf, modelFact, open, priceList, provider, send, startModelGate } = fixture;

const answered = 1;
const providerFailed = 2;
const estimated = 2;
const none = 3;

const body = '{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}';
const streaming = body.replace("{", '{"stream":true,');
const prices = [priceList([{ provider: "p", model: "m", rates: { input: 1_000_000n, output: 5_000_000n } }])];
/** What a call costs of which nobody hears: a nano-dollar for each byte, five for each token that it may be answered with. */
const boundNanoUsd = BigInt(body.length) + 500n;

type TestDoor = {
  readonly name: "anthropic" | "openai";
  readonly path: string;
  readonly kind: ProviderKind;
  readonly base: string;
};

const doors: readonly TestDoor[] = [
  { name: "anthropic", path: "/anthropic/v1/messages", kind: ProviderKind.ANTHROPIC, base: "" },
  { name: "openai", path: "/openai/v1/chat/completions", kind: ProviderKind.OPENAI, base: "/v1" },
];

const gateBefore = (door: TestDoor, url: string, timeoutSeconds = 20) =>
  startModelGate([provider("p", url + door.base, { kind: door.kind, timeoutSeconds })], { more: prices });

async function scene(door: TestDoor, answer: (request: RawRequest) => void, more: More = {}) {
  expectNothingLeftOpen();
  const raw = started(await startRawProvider(answer, more.identity));
  return { raw, gate: await gateBefore(door, raw.url, more.timeoutSeconds) };
}

type More = { readonly timeoutSeconds?: number; readonly identity?: Identity };

/** In the words of the door, with the code that the gate has for it. */
function expectRefused(door: TestDoor, answer: fixture.RawAnswer, code: string, status = 502): void {
  expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([status, code]);
  if (door.name === "anthropic") {
    const type = status === 413 ? "request_too_large" : "api_error";
    expect(answer.json).toEqual({
      ...{ type: "error", error: { type, message: expect.any(String) } },
      request_id: answer.headers["request-id"],
    });
  } else {
    const type = status === 413 ? "invalid_request_error" : "server_error";
    expect(answer.json).toEqual({ error: { message: expect.any(String), type, param: null, code } });
  }
  expect(answer.headers["x-tollgate-request-id"]).toEqual(expect.any(String));
}

async function expectOneFact(gate: fixture.ModelGate, fact: object): Promise<void> {
  expect(await modelFact(gate)).toMatchObject({ attempts: 1, ...fact });
  expect([gate.intents.length, gate.facts.length]).toEqual([1, 1]);
}

const ok = "HTTP/1.1 200 OK\r\n";
/** Of text of one byte for each character. */
const length = (text: string) => `content-length: ${text.length}\r\n\r\n${text}`;
const json = "content-type: application/json\r\n";
const events = "content-type: text/event-stream\r\n";
const write = (text: string) => (request: RawRequest) => void request.socket.write(text, "latin1");
const garbage = Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 31 + 128) % 256)).toString("latin1");

/** What comes in the place of a head, and what the client is told. */
const noHeads: Record<string, [(request: RawRequest) => void, code: string, words?: string]> = {
  "what is no HTTP": [write(garbage), "upstream.protocol", "no beginning of HTTP/1.1"],
  "a header that is too long": [
    write(`${ok}x-flood: ${"x".repeat(100_000)}\r\n\r\n`),
    "upstream.protocol",
    "more than",
  ],
  "more headers than there may be": [write(ok + "x-flood: yes\r\n".repeat(20_000)), "upstream.protocol", "more than"],
  "two lengths": [
    write(`${ok}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`),
    "upstream.protocol",
    "content-length twice",
  ],
  "a length and chunks": [
    write(`${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`),
    "upstream.protocol",
    "two ways to find the end",
  ],
  "another protocol": [
    write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    "upstream.protocol",
    "a change of protocol",
  ],
  "its end": [({ socket }) => socket.end(), "upstream.unreachable"],
  "a reset": [({ socket }) => socket.resetAndDestroy(), "upstream.unreachable"],
  silence: [() => undefined, "upstream.timeout"],
  "half a head and silence": [write(`${ok}content-type: appli`), "upstream.timeout"],
  "a preliminary answer and silence": [write("HTTP/1.1 103 Early Hints\r\n\r\n"), "upstream.timeout"],
  "that it may go on, and silence": [write("HTTP/1.1 100 Continue\r\n\r\n"), "upstream.timeout"],
};

describe.each(doors)("a provider of the $name door", (door) => {
  for (const [what, [answer, code, words = ""]] of Object.entries(noHeads))
    test(`that answers with ${what} is an error of the provider, and may have cost the most that it can`, async () => {
      const { raw, gate } = await scene(door, answer, { timeoutSeconds: code === "upstream.timeout" ? 1 : 20 });
      const told = await send(gate, door.path, { body });
      expectRefused(door, told, code);
      expect(told.text).toContain(words);
      const fact = { outcome: providerFailed, status: 0, basis: estimated, costNanoUsd: boundNanoUsd };
      await expectOneFact(gate, fact);
      await until(() => raw.openSockets.size === 0, "its connection to be gone");
    });

  for (const status of [301, 302, 303, 304, 307, 308])
    test(`that redirects with ${status} is not followed, and its address is not passed on`, async () => {
      const elsewhere = `HTTP/1.1 ${status} Elsewhere\r\nlocation: http://127.0.0.1:9/x\r\n${status === 304 ? "\r\n" : length("")}`;
      const { raw, gate } = await scene(door, write(elsewhere));
      const told = await send(gate, door.path, { body });
      expectRefused(door, told, "upstream.protocol");
      expect([told.headers.location, raw.seen.length]).toEqual([undefined, 1]);
      await expectOneFact(gate, { outcome: providerFailed, status, basis: none, costNanoUsd: 0n });
    });

  test("that says something preliminary first is heard when it answers", async () => {
    // The first of them though nobody asked whether to go on.
    const first = ["100 Continue", "102 Processing", "103 Early Hints\r\nlink: </x>; rel=preload"];
    const { gate } = await scene(
      door,
      write(`${first.map((line) => `HTTP/1.1 ${line}\r\n\r\n`).join("")}${ok}${json}${length("{}")}`),
    );
    const told = await send(gate, door.path, { body });
    expect([told.status, told.text, told.headers.link]).toEqual([200, "{}", undefined]);
  });

  test("whose last credential is limited, too, says when to come again, and is metered as having used nothing", async () => {
    const refusal = '{"error":{"type":"rate_limit_error","message":"slow down"}}';
    const limited = `HTTP/1.1 429 Too Many\r\nretry-after: 7\r\nx-should-retry: true\r\n${json}${length(refusal)}`;
    const { raw, gate } = await scene(door, write(limited));
    for (const call of [1, 2]) {
      const told = await send(gate, door.path, { body });
      expect([told.status, told.text, raw.seen.length]).toEqual([429, refusal, call]);
      expect(told.headers).toMatchObject({ "retry-after": "7", "x-should-retry": "true" });
      expect(told.headers["x-tollgate-code"]).toBeUndefined();
    }
    expect(await modelFact(gate, 1)).toMatchObject({ outcome: answered, status: 429, basis: none, costNanoUsd: 0n });
  });

  for (const status of [400, 404, 413, 422, 500, 503, 529])
    test(`that refuses with ${status} is heard in its own words, and has used nothing`, async () => {
      const refusal = `{"its":"own words, ${status}"}`;
      const { gate } = await scene(door, write(`HTTP/1.1 ${status} No\r\n${json}${length(refusal)}`));
      const told = await send(gate, door.path, { body });
      expect([told.status, told.text, told.headers["x-tollgate-code"]]).toEqual([status, refusal, undefined]);
      await expectOneFact(gate, { outcome: answered, status, basis: none, costNanoUsd: 0n });
    });

  const odd: Record<string, string> = {
    "no JSON": json + length("{nonsense"),
    "garbage for JSON": json + length(garbage),
    "garbage for events": events + length(garbage),
    "events that are none": events + length("data: {]\n\n: hello\n\nwhat\n\ndata: null\n\ndata: [1]\n\nevent: x\n\n"),
    "a stream without any end": events + length('data: {"choices":[]}\n\n'),
    "one line without an end": events + length(`data: ${"x".repeat(300_000)}`),
    "numbers that are none": json + length('{"usage":{"input_tokens":-1,"output_tokens":"7","prompt_tokens":1e999}}'),
    "what nobody asked to be packed": `content-encoding: gzip\r\n${json}${length("\u001f\u008b\b\u0000")}`,
    nothing: json + length(""),
    "no content": "content-length: 0\r\n\r\n",
  };
  for (const [what, rest] of Object.entries(odd))
    test(`that answers with ${what} is relayed as it came, and costs no less than it may have`, async () => {
      const { gate } = await scene(door, write(ok + rest));
      const told = await send(gate, door.path, { body });
      expect([told.status, told.body.toString("latin1")]).toEqual([200, rest.slice(rest.indexOf("\r\n\r\n") + 4)]);
      await expectOneFact(gate, { outcome: answered, basis: estimated, costNanoUsd: boundNanoUsd });
    });

  const breaks: Record<string, string> = {
    "less than it promised": `${json}content-length: 9\r\n\r\n{"a":`,
    "chunks of no length": `${events}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nx\r\n`,
    "a flood behind its last chunk": `${events}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${"x: y\r\n".repeat(50_000)}\r\n`,
  };
  for (const [what, rest] of Object.entries(breaks))
    test(`that sends ${what} has broken off, and its client sees that it did`, async () => {
      const { raw, gate } = await scene(door, ({ socket }) => void socket.end(ok + rest, "latin1"));
      const response = await open(gate, door.path, { body });
      await expect(bytesOf(response)).rejects.toThrow("aborted");
      await expectOneFact(gate, { outcome: providerFailed, status: 200, basis: estimated, costNanoUsd: boundNanoUsd });
      await until(() => raw.openSockets.size === 0, "its connection to be gone");
    });

  const heads: Record<string, [(request: RawRequest) => void, string]> = {
    "its end": [({ socket }) => void socket.end(`${ok}${json}content-length: 9\r\n\r\n`), "upstream.unreachable"],
    silence: [write(`${ok}${json}content-length: 9\r\n\r\n`), "upstream.timeout"],
  };
  for (const [what, [answer, code]] of Object.entries(heads))
    test(`that sends a head and then ${what} is told of as an error, since nobody has seen any of its answer`, async () => {
      const { raw, gate } = await scene(door, answer, { timeoutSeconds: code === "upstream.timeout" ? 1 : 20 });
      expectRefused(door, await send(gate, door.path, { body }), code);
      await expectOneFact(gate, { outcome: providerFailed, status: 200, basis: estimated, costNanoUsd: boundNanoUsd });
      await until(() => raw.openSockets.size === 0, "its connection to be gone");
    });

  test("that falls silent in the middle is given up, and its client sees a break", async () => {
    const begun = `${ok}${events}transfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n`;
    const { raw, gate } = await scene(door, write(begun), { timeoutSeconds: 1 });
    const response = await open(gate, door.path, { body: streaming });
    await expect(bytesOf(response)).rejects.toThrow("aborted");
    await expectOneFact(gate, { outcome: providerFailed, status: 200, basis: estimated });
    await until(() => raw.openSockets.size === 0, "its connection to be gone");
  });

  test("that says more than it promised has said what it promised, and the next call is not told the rest", async () => {
    const { gate } = await scene(
      door,
      write(`${ok}${json}content-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n${length("[]")}`),
    );
    for (let call = 0; call < 3; call++) expect((await send(gate, door.path, { body })).text).toBe("{}");
    expect(gate.facts).toHaveLength(3);
  });

  test("whose name nobody has, or at whose address nobody listens, was not reached, and has used nothing", async () => {
    expectNothingLeftOpen();
    const gone = await startRawProvider(() => undefined);
    await gone.stop();
    for (const url of [
      "http://nobody.invalid",
      "https://nobody.invalid",
      gone.url,
      gone.url.replace("http", "https"),
    ]) {
      const gate = await gateBefore(door, url);
      expectRefused(door, await send(gate, door.path, { body }), "upstream.unreachable");
      await expectOneFact(gate, { outcome: providerFailed, status: 0, basis: none, costNanoUsd: 0n });
    }
  });

  test("is reached by TLS only if it is who it shall be", async () => {
    const authority = await newTlsAuthority();
    const stranger = await newTlsAuthority();
    const before = getCACertificates();
    setDefaultCACertificates([...before, authority.cert]);
    onTestFinished(() => setDefaultCACertificates(before));
    const here = [{ type: "ip", value: "127.0.0.1" }] as const;
    const answer = write(`${ok}${json}${length("{}")}`);
    const good = await scene(door, answer, { identity: await authority.issue(here) });
    expect((await send(good.gate, door.path, { body })).text).toBe("{}");
    const past = { fromMs: Date.now() - 20_000_000, untilMs: Date.now() - 10_000_000 };
    const future = { fromMs: Date.now() + 10_000_000, untilMs: Date.now() + 20_000_000 };
    const bad: [string, Identity][] = [
      ["ERR_TLS_CERT_ALTNAME_INVALID", await authority.issue([{ type: "dns", value: "other.example" }])],
      ["CERT_HAS_EXPIRED", await authority.issue(here, past)],
      ["CERT_NOT_YET_VALID", await authority.issue(here, future)],
      ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", await stranger.issue(here)],
    ];
    for (const [reason, identity] of bad) {
      const raw = started(await startRawProvider(answer, identity));
      const gate = await gateBefore(door, raw.url);
      const told = await send(gate, door.path, { body });
      expectRefused(door, told, "upstream.unreachable");
      expect(told.text).toContain(reason);
      await expectOneFact(gate, { outcome: providerFailed, status: 0, basis: none, costNanoUsd: 0n });
      expect(raw.seen).toEqual([]);
      await until(() => raw.openSockets.size === 0, "its connection to be gone");
    }
  });

  test("that speaks plainly where TLS was asked for, or the other way round, was not reached", async () => {
    expectNothingLeftOpen();
    const answer = write(`${ok}${json}${length("{}")}`);
    const identity = await (await newTlsAuthority()).issue([{ type: "ip", value: "127.0.0.1" }]);
    const [plain, packed] = [
      started(await startRawProvider(answer)),
      started(await startRawProvider(answer, identity)),
    ];
    for (const url of [plain.url.replace("http", "https"), packed.url.replace("https", "http")]) {
      const gate = await gateBefore(door, url, 1);
      const told = await send(gate, door.path, { body });
      expectRefused(door, told, String(told.headers["x-tollgate-code"]));
      expect(told.headers["x-tollgate-code"]).toMatch(/^upstream\.(unreachable|protocol|timeout)$/);
      await expectOneFact(gate, { outcome: providerFailed, status: 0 });
    }
    expect([...plain.seen, ...packed.seen]).toEqual([]);
  });

  test("is not sent what is larger than a body may be, and what is just as large reaches it to the byte", async () => {
    const { raw, gate } = await scene(door, write(`${ok}${json}${length("{}")}`));
    const bytesMax = 32 * 1024 * 1024;
    const large = Buffer.from(`{"model":"m","text":"${"x".repeat(bytesMax - 23)}"}`);
    expect((await send(gate, door.path, { body: large })).status).toBe(200);
    expect(raw.seen[0]?.body.equals(large)).toBe(true);
    const larger = await send(gate, door.path, { body: Buffer.concat([large, Buffer.from(" ")]) });
    expectRefused(door, larger, "request.too-large", 413);
    expect(raw.seen).toHaveLength(1);
    expect(at(gate.facts.at(-1)?.kind.value, "code")).toBe("request.too-large");
  });
});
