// Who is heard at a proxy's internal port, and whom a proxy believes that it dialled: real TLS over loopback, with certificates
// as the authority makes them. Whoever gets in here without being a proxy sends calls that nobody authenticated; a proxy that
// sends to the wrong one gives a client's call away; a renewal that costs a connection fails calls once a day.

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { request as plainRequest, type IncomingMessage } from "node:http";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { proxyName } from "@tollgate/kernel/enrolment";
import type { InternalIdentity } from "@tollgate/proxy/internal/identity";
import { openInternalPort, type InternalPort, type StrangerReason } from "@tollgate/proxy/internal/internal-port";
import type { OnRequest, Peer } from "@tollgate/proxy/internal/peer";
import { createProxyDialler, type DiallerBounds, type ProxyDialler } from "@tollgate/proxy/internal/proxy-dialler";
import { createWire } from "@tollgate/proxy/internal/wire";
import { openLog } from "@tollgate/proxy/log-output";
import type { OutgoingPool } from "@tollgate/proxy/outgoing/pool";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askPool } from "../support/ask-pool.ts";
import { freePorts } from "../support/ports.ts";
import { until } from "../support/wait.ts";
import { asControlPlane, newCertifying, newProxyId, type Certifying } from "./proxy-identity.ts";

const host = "127.0.0.1";
const own = newProxyId();
const other = newProxyId();
let authority: Certifying;
let open: AsyncDisposableStack;
let heard: Peer[];
let strangers: StrangerReason[];

beforeEach(async () => {
  authority = await newCertifying();
  open = new AsyncDisposableStack();
  heard = [];
  strangers = [];
});

afterEach(() => open.disposeAsync());

const answersAtOnce: OnRequest = (_request, response) => void response.end("answered");

async function portOf(identity: InternalIdentity, onRequest = answersAtOnce): Promise<InternalPort & { at: string }> {
  const port = await openInternalPort({
    ...{ host, port: 0, identity, log: openLog("silent", {}) },
    onRequest(request, response, from) {
      heard.push(from);
      onRequest(request, response, from);
    },
    onStranger: (reason) => strangers.push(reason),
  });
  open.defer(() => port.drain(0));
  return { ...port, at: `${host}:${port.port}` };
}

function diallerOf(identity: InternalIdentity | undefined, bounds?: DiallerBounds): ProxyDialler {
  const dialler = createProxyDialler(bounds);
  if (identity) dialler.renew(identity);
  open.defer(() => dialler.close());
  return dialler;
}

async function ask(pool: OutgoingPool): Promise<{ status: number; text: string }> {
  const { status, text } = await askPool(pool, { method: "POST", body: "asked" });
  return { status, text: await text() };
}

const reasonOf = async (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "it was answered",
    (error: unknown) => (error instanceof Error ? `${"code" in error ? String(error.code) : ""} ${error.message}` : ""),
  );

/** Connects as nobody's client of ours would, and says whether a request was answered. */
async function answerTo(port: InternalPort, options: ConnectionOptions): Promise<string> {
  const socket = await connected(port, options);
  if (!socket) return "refused";
  let answer = "";
  socket.on("data", (bytes) => (answer += String(bytes)));
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n");
  await new Promise((resolve) => socket.once("close", resolve));
  return answer === "" ? "refused" : answer;
}

function connected(port: InternalPort, options: ConnectionOptions): Promise<TLSSocket | undefined> {
  const socket = connect({ host, port: port.port, servername: proxyName(own), ca: authority.pem, ...options });
  open.defer(() => void socket.destroy());
  return new Promise((resolve) => {
    socket.once("error", () => resolve(undefined));
    socket.once("secureConnect", () => resolve(socket));
  });
}

test("a proxy of the same authority is heard under the id that its certificate names, and not by what it says", async () => {
  const port = await portOf(await authority.identity({ proxyId: own }));
  const pool = diallerOf(await authority.identity({ proxyId: other })).dial(port.at, own);
  expect(await ask(pool)).toEqual({ status: 200, text: "answered" });
  expect(heard).toEqual([{ proxyId: other }]);
  expect(strangers).toEqual([]);
});

test("a certificate of before proxies were dialled is heard as well", async () => {
  const port = await portOf(await authority.identity({ proxyId: own }));
  const old = await authority.identity({ proxyId: other, usages: ["client"] });
  expect(await ask(diallerOf(old).dial(port.at, own))).toMatchObject({ status: 200 });
});

describe("strangers are refused at the handshake, counted and not heard", () => {
  const past = { fromMs: Date.now() - 7_200_000, untilMs: Date.now() - 3_600_000 };
  const future = { fromMs: Date.now() + 1_800_000 };
  const cases: readonly [string, StrangerReason, () => Promise<ConnectionOptions>][] = [
    ["no certificate", "no-certificate", async () => ({})],
    ["another authority", "certificate-refused", async () => (await newCertifying()).identity({ proxyId: other })],
    ["an expired one", "certificate-refused", () => authority.identity({ proxyId: other, ...past })],
    ["one that begins later", "certificate-refused", () => authority.identity({ proxyId: other, ...future })],
    [
      "one for being dialled alone",
      "certificate-refused",
      () => authority.identity({ proxyId: other, usages: ["server"] }),
    ],
    ["a control plane's", "certificate-refused", () => authority.identity({ proxyId: other, ...asControlPlane })],
    ["no proxy's name", "no-proxy", () => authority.identity({ proxyId: other, name: "other.example" })],
    ["another's name", "no-proxy", () => authority.identity({ proxyId: other, name: proxyName(own) })],
    ["no id", "no-proxy", () => authority.identity({ proxyId: "somebody" })],
    [
      "an older TLS",
      "handshake-failed",
      async () => ({ ...(await authority.identity({ proxyId: other })), maxVersion: "TLSv1.2" }),
    ],
  ];
  test.each(cases)("%s", async (_title, reason, identity) => {
    const port = await portOf(await authority.identity({ proxyId: own }));
    expect(await answerTo(port, { ...(await identity()), ca: authority.pem })).toBe("refused");
    await until(() => strangers.length > 0, { what: "it to be counted" });
    expect(strangers).toEqual([reason]);
    expect(heard).toEqual([]);
  });

  test("plain text", async () => {
    const port = await portOf(await authority.identity({ proxyId: own }));
    const sent = plainRequest({ host, port: port.port, agent: false }).end();
    await once(sent, "error");
    await until(() => strangers.length > 0, { what: "it to be counted" });
    expect(strangers).toEqual(["handshake-failed"]);
  });
});

describe("nothing is sent to whoever is not the proxy that was asked for", () => {
  const cases: readonly [string, RegExp, () => Promise<InternalIdentity>][] = [
    ["another proxy", /who answers is not/, () => authority.identity({ proxyId: other })],
    [
      "another proxy that has the name, too",
      /who answers is not/,
      () => authority.identity({ proxyId: other, name: proxyName(own) }),
    ],
    [
      "the control plane",
      /INVALID_PURPOSE|who answers is not/,
      () => authority.identity({ proxyId: own, ...asControlPlane }),
    ],
    ["another authority's", /SELF_SIGNED|UNABLE_TO/, async () => (await newCertifying()).identity({ proxyId: own })],
    [
      "an expired one",
      /CERT_HAS_EXPIRED/,
      () => authority.identity({ proxyId: own, fromMs: Date.now() - 7_200_000, untilMs: Date.now() - 60_000 }),
    ],
    ["one that may dial alone", /INVALID_PURPOSE/, () => authority.identity({ proxyId: own, usages: ["client"] })],
  ];
  test.each(cases)("%s", async (_title, reason, identity) => {
    const port = await portOf(await identity());
    const pool = diallerOf(await authority.identity({ proxyId: newProxyId() })).dial(port.at, own);
    expect(await reasonOf(ask(pool))).toMatch(reason);
    expect(heard).toEqual([]);
  });

  test("without a certificate of one's own nobody is dialled", async () => {
    const port = await portOf(await authority.identity({ proxyId: own }));
    expect(await reasonOf(ask(diallerOf(undefined).dial(port.at, own)))).toMatch(/has no certificate/);
    expect(strangers).toEqual([]);
  });
});

describe("new certificates", () => {
  const serialOf = async (port: InternalPort): Promise<string | undefined> =>
    (await connected(port, await authority.identity({ proxyId: other })))?.getPeerX509Certificate()?.serialNumber;

  test("take effect without a lost request, and what is under way ends where it began", async () => {
    let end: (() => void) | undefined;
    const port = await portOf(await authority.identity({ proxyId: own }), (request, response) => {
      if (request.url !== "/held") return void response.end("answered");
      response.write("begun ");
      end = () => response.end("ended");
    });
    const dialler = diallerOf(await authority.identity({ proxyId: other }));
    const held = await askPool(dialler.dial(port.at, own), { path: "/held" });
    let isRenewing = true;
    let asked = 0;
    const asking = (async () => {
      for (; isRenewing; asked++) expect(await ask(dialler.dial(port.at, own))).toMatchObject({ status: 200 });
    })();
    const serials = new Set([await serialOf(port)]);
    for (let renewals = 0; renewals < 5; renewals++) {
      port.renew(await authority.identity({ proxyId: own }));
      dialler.renew(await authority.identity({ proxyId: other }));
      serials.add(await serialOf(port));
      const before = asked;
      await until(() => asked > before + 3, { what: "requests after it" });
    }
    isRenewing = false;
    await asking;
    end?.();
    expect(await held.text()).toBe("begun ended");
    expect(serials.size).toBe(6);
  });

  test("may come later than the worker, and while its port opens: it shows the newest then", async () => {
    const [port = 0] = await freePorts(1);
    const wire = createWire({
      start: { slot: 0, boot: "b", runtimeDirectory: undefined, internal: { port, address: `${host}:${port}` } },
      ...{ host, onRequest: answersAtOnce, log: openLog("silent", {}) },
      onStranger: (reason) => strangers.push(reason),
      onFailed: (error) => expect.unreachable(String(error)),
    });
    open.defer(() => wire.close());
    open.defer(() => wire.drain(0, Promise.resolve()));
    await wire.open();
    const dialler = diallerOf(await authority.identity({ proxyId: other }));
    expect(await reasonOf(ask(dialler.dial(`${host}:${port}`, own)))).toMatch(/ECONNREFUSED/);
    const [former, newest] = [await authority.identity({ proxyId: own }), await authority.identity({ proxyId: own })];
    wire.use(former);
    wire.use(newest);
    await until(async () => (await ask(dialler.dial(`${host}:${port}`, own))).status === 200, { what: "it to open" });
    const socket = connect({
      host,
      port,
      servername: proxyName(own),
      ...(await authority.identity({ proxyId: other })),
    });
    await once(socket, "secureConnect");
    expect(socket.getPeerX509Certificate()?.serialNumber).toBe(new X509Certificate(newest.cert).serialNumber);
    socket.destroy();
    // And this worker dials by it, itself among others.
    expect(await ask(wire.dialProxy(`${host}:${port}`, own))).toMatchObject({ status: 200 });
  });

  test("bring no older TLS with them", async () => {
    const port = await portOf(await authority.identity({ proxyId: own }));
    port.renew(await authority.identity({ proxyId: own }));
    const old = { ...(await authority.identity({ proxyId: other })), maxVersion: "TLSv1.2" } as const;
    expect(await answerTo(port, old)).toBe("refused");
  });

  test("are looked at with each connection: there are no sessions to resume", async () => {
    const port = await portOf(await authority.identity({ proxyId: own }));
    const identity = await authority.identity({ proxyId: other });
    let session: Buffer | undefined;
    const first = await connected(port, identity);
    first?.on("session", (given: Buffer) => (session = given));
    first?.write("GET / HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n");
    first?.resume();
    if (first) await once(first, "close");
    const second = await connected(port, { ...identity, ...(session ? { session } : {}) });
    expect(second?.isSessionReused()).toBe(false);
  });

  test("are needed: a connection does not outlive the certificate that it was opened with", async () => {
    const port = await portOf(await authority.identity({ proxyId: own }));
    const untilMs = Math.floor(Date.now() / 1_000) * 1_000 + 2_000;
    const identity = await authority.identity({ proxyId: other, untilMs });
    // A dialler of ours lets go of a connection long before: it is held open here by one that does not.
    const socket = await connected(port, identity);
    let answers = "";
    socket?.on("data", (bytes) => (answers += String(bytes)));
    const closed = new Promise((resolve) => socket?.once("close", resolve));
    const request = "GET / HTTP/1.1\r\nhost: any\r\n\r\n";
    socket?.write(request);
    await until(() => answers.includes("answered"), { what: "an answer" });
    await until(() => Date.now() > untilMs, { what: "its end" });
    socket?.write(request);
    await closed;
    expect(answers).toContain("certificate-refused");
    expect(heard).toHaveLength(1);
    expect(await reasonOf(ask(diallerOf(identity).dial(port.at, own)))).not.toBe("it was answered");
  });
});

describe("pools", () => {
  test("beyond their number the one that was used longest ago goes, when its last answer is there", async () => {
    const responses: (() => void)[] = [];
    const port = await portOf(await authority.identity({ proxyId: own }), (_request, response) => {
      responses.push(() => response.end("late"));
    });
    const bounds = { poolsMax: 2, poolMsMax: 60_000, idleMsMax: 60_000 };
    const dialler = diallerOf(await authority.identity({ proxyId: other }), bounds);
    const first = dialler.dial(port.at, own);
    const under = ask(first);
    await until(() => responses.length === 1, { what: "the request" });
    dialler.dial(port.at, newProxyId());
    expect(dialler.dial(port.at, own)).toBe(first);
    dialler.dial(port.at, newProxyId());
    dialler.dial(port.at, newProxyId());
    expect(dialler.dial(port.at, own)).not.toBe(first);
    expect(first.isClosed).toBe(true);
    responses[0]?.();
    expect(await under).toEqual({ status: 200, text: "late" });
  });

  test("who is not dialled any more costs nothing after a while, and one that is busy stays", async () => {
    let end: (() => void) | undefined;
    const port = await portOf(await authority.identity({ proxyId: own }), (_request, response) => {
      end = () => response.end("late");
    });
    const bounds = { poolsMax: 10, poolMsMax: 60_000, idleMsMax: 60 };
    const dialler = diallerOf(await authority.identity({ proxyId: other }), bounds);
    const busy = dialler.dial(port.at, own);
    const under = ask(busy);
    const idle = dialler.dial(port.at, newProxyId());
    await until(() => idle.isClosed && end !== undefined, { what: "the idle one to be closed" });
    expect(busy.isClosed).toBe(false);
    end?.();
    await under;
    await until(() => busy.isClosed, { what: "the other one to follow" });
  });

  test("a proxy is dialled anew after some minutes, so that its certificate is looked at again", async () => {
    const port = await portOf(await authority.identity({ proxyId: own }));
    const dialler = diallerOf(await authority.identity({ proxyId: other }), {
      poolsMax: 2,
      poolMsMax: 0,
      idleMsMax: 60_000,
    });
    const first = dialler.dial(port.at, own);
    const second = dialler.dial(port.at, own);
    expect(second).not.toBe(first);
    expect(first.isClosed).toBe(true);
    expect(await ask(second)).toMatchObject({ status: 200 });
  });
});

test("who leaves ends what it was brought, asks the others to go, and takes nothing new", async () => {
  const responses: (() => void)[] = [];
  const port = await portOf(await authority.identity({ proxyId: own }), (_request, response) => {
    responses.push(() => response.end("late"));
  });
  const dialler = diallerOf(await authority.identity({ proxyId: other }));
  const under = askPool(dialler.dial(port.at, own), {});
  await until(() => responses.length === 1, { what: "the request" });
  const drained = port.drain(10_000);
  responses[0]?.();
  const { headers, text } = await under;
  expect(headers["connection"]).toBe("close");
  expect(await text()).toBe("late");
  await drained;
  expect(await reasonOf(ask(dialler.dial(port.at, own)))).toMatch(/ECONNREFUSED/);
});

test("who leaves can be reached as long as he serves somebody, because what he serves may be needed there", async () => {
  const port = await portOf(await authority.identity({ proxyId: own }));
  const dialler = diallerOf(await authority.identity({ proxyId: other }));
  const { promise: served, resolve: end } = Promise.withResolvers<void>();
  const drained = port.drain(10_000, served);
  for (let connections = 0; connections < 3; connections++)
    expect(await ask(dialler.dial(port.at, own))).toEqual({ status: 200, text: "answered" });
  end();
  await drained;
  expect(await reasonOf(ask(dialler.dial(port.at, own)))).toMatch(/ECONNREFUSED/);
});

test("a bug in an answer is that answer's alone", async () => {
  let count = 0;
  const port = await portOf(await authority.identity({ proxyId: own }), (_request: IncomingMessage, response) => {
    if (count++ === 0) throw new Error("a bug");
    response.end("answered");
  });
  const dialler = diallerOf(await authority.identity({ proxyId: other }));
  expect(await ask(dialler.dial(port.at, own))).toMatchObject({ status: 500 });
  expect(await ask(dialler.dial(port.at, own))).toMatchObject({ status: 200 });
});
