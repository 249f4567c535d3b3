// Who comes in at the control plane's door, and who does not: both halves of enrolment, over real TLS and a real PostgreSQL.
// A stranger who gets in reads every secret of the company; a token that lets in one too many is a stranger; a certificate
// that cannot be renewed without a lost call is a gate that stops once a day.

import { connect as connectPlain } from "node:http2";
import { createPublicKey } from "node:crypto";
import { createSecureContext, createServer } from "node:tls";
import { certificateRequest, newPrivateKey } from "@tollgate/proxy/enrolment/certificate-request";
import { pinnedAuthority, PinProblem } from "@tollgate/proxy/enrolment/pinned-authority";
import { openControlPlane, refusalCode, type ControlPlane } from "@tollgate/proxy/grpc";
import { controlPlaneName } from "@tollgate/kernel/enrolment";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newCaller } from "../support/caller.ts";
import { until } from "../support/wait.ts";
import { openTlsDoor, type JoiningProxy, type TlsDoor } from "./tls-door.ts";

const never = (): AbortSignal => new AbortController().signal;

async function joined(proxy: JoiningProxy): Promise<JoiningProxy> {
  await until(() => proxy.certificates() > 0, { what: "the proxy to join" });
  return proxy;
}

async function refusalOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => "it was answered",
    (error: unknown) => refusalCode(error) ?? String(error),
  );
}

/** As somebody who has the authority's certificate, which is no secret, and no certificate of his own. */
function stranger(door: TlsDoor): ControlPlane {
  const context = createSecureContext({ ca: door.authority.pem });
  return openControlPlane(
    { kind: "tls", url: door.url, context: () => context, serverName: controlPlaneName },
    newCaller(),
  );
}

describe("a door with certificates", () => {
  let door: TlsDoor;

  beforeAll(async () => {
    door = await openTlsDoor("enrolment");
  });

  afterAll(() => door[Symbol.asyncDispose]());

  test("a token lets in one proxy, under the id that its certificate names, and the next is refused", async () => {
    const token = await door.token();
    const first = await joined(door.proxy(token));
    await first.control.sync.report({ proxyId: "somebody-else" });
    expect(door.called.at(-1)).toEqual(first.caller);
    const second = door.proxy(token);
    await until(() => second.problems.length > 0, { what: "the second to be refused" });
    expect(refusalCode(second.problems[0])).toBe("enrolment.token-refused");
    expect(door.refused).toContain("enrolment.token-refused");
    second.close();
  });

  test("of eight that come with it at once it lets in one", async () => {
    const token = await door.token();
    const proxies = Array.from({ length: 8 }, () => door.proxy(token));
    await until(() => proxies.every((proxy) => proxy.certificates() + proxy.problems.length > 0), {
      what: "all to be answered",
    });
    expect(proxies.filter((proxy) => proxy.certificates() > 0)).toHaveLength(1);
    for (const proxy of proxies) proxy.close();
  });

  test("a proxy whose answer was lost comes again with its key, and nobody else under its id", async () => {
    const token = await door.token({ usesMax: 2 });
    const directory = door.directory();
    const first = await joined(door.proxy(token, { directory }));
    first.credentials.forget();
    first.close();
    const again = await joined(door.proxy(token, { directory, caller: first.caller }));
    const other = door.proxy(token, { caller: first.caller });
    await until(() => other.problems.length > 0, { what: "the other to be refused" });
    expect(refusalCode(other.problems[0])).toBe("enrolment.id-taken");
    other.close();
    // Neither has cost the token its second use.
    await joined(door.proxy(token));
    await again.control.sync.report({});
  });

  test("whoever shows no certificate is refused everything but to join, and counted", async () => {
    const { sync, provisions, enrolment, close } = stranger(door);
    door.refused.length = 0;
    expect(await refusalOf(sync.report({}))).toBe("enrolment.certificate-refused");
    expect(await refusalOf(sync.watch({}, never())[Symbol.asyncIterator]().next())).toBe(
      "enrolment.certificate-refused",
    );
    expect(await refusalOf(enrolment.renew({}))).toBe("enrolment.certificate-refused");
    expect(await refusalOf(enrolment.join({ joinToken: "tg_join_guessed" }))).toBe("enrolment.token-refused");
    expect(await refusalOf(provisions.draw({}))).toMatch(/UNIMPLEMENTED/);
    expect(door.refused).toEqual([
      ...Array.from({ length: 3 }, () => "enrolment.certificate-refused"),
      "enrolment.token-refused",
    ]);
    close();
  });

  test("a certificate of another authority is none", async () => {
    await using other = await openTlsDoor("enrolment_other");
    const foreign = await joined(other.proxy(await other.token()));
    const context = createSecureContext({
      ca: door.authority.pem,
      key: foreign.credentials.privateKey,
      cert: (await other.authority.certify(foreign.caller.proxyId, publicKeyIn(foreign))).map(pemOf).join(""),
    });
    const control = openControlPlane(
      { kind: "tls", url: door.url, context: () => context, serverName: controlPlaneName },
      foreign.caller,
    );
    expect(await refusalOf(control.sync.report({}))).toBe("enrolment.certificate-refused");
    control.close();
  });

  test("plain text is not spoken, and who tries is counted", async () => {
    door.refused.length = 0;
    const session = connectPlain(`http://localhost:${door.port}`);
    const ended = new Promise((resolve) => session.once("close", resolve));
    session.on("error", () => undefined);
    session.request({ ":path": "/" }).on("error", () => undefined);
    await ended;
    await until(() => door.refused.some((reason) => reason.startsWith("ERR_SSL")), { what: "it to be counted" });
  });

  test("a proxy says its token to nobody but the control plane that the token is for", async () => {
    await using other = await openTlsDoor("enrolment_wrong");
    const lured = other.proxy(await door.token());
    await until(() => lured.problems.length > 0, { what: "the proxy to look" });
    expect(lured.problems[0]).toBeInstanceOf(PinProblem);
    expect(other.refused).toEqual([]);
    // Who has the authority's certificate and not its key gets no further than the handshake.
    expect(Buffer.from(await pinnedAuthority(door.url, door.authority.pin))).toEqual(
      Buffer.from(door.authority.certificate),
    );
  });

  test("a proxy's certificate is not taken for a control plane's", async () => {
    const proxy = await joined(door.proxy(await door.token()));
    const [own] = await door.authority.certify(proxy.caller.proxyId, publicKeyIn(proxy));
    const impostor = createServer({
      key: proxy.credentials.privateKey,
      cert: [own, door.authority.certificate].map(pemOf).join(""),
      ALPNProtocols: ["h2"],
    });
    await new Promise<void>((resolve) => impostor.listen(0, "127.0.0.1", resolve));
    const address = impostor.address();
    const url = `https://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    const way = { kind: "tls", url, context: proxy.credentials.context, serverName: controlPlaneName } as const;
    const control = openControlPlane(way, newCaller());
    await expect(control.sync.report({})).rejects.toMatchObject({ code: 14 });
    control.close();
    impostor.close();
  });

  test("a revoked proxy's stream ends within a second, and it is refused from then on, renewal included", async () => {
    const proxy = await joined(door.proxy(await door.token()));
    const watch = proxy.control.sync.watch({}, never())[Symbol.asyncIterator]();
    await watch.next();
    const began = performance.now();
    const ended = refusalOf(watch.next());
    await door.revoke(proxy.caller.proxyId);
    expect(await ended).toBe("enrolment.proxy-revoked");
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(await refusalOf(proxy.control.sync.report({}))).toBe("enrolment.proxy-revoked");
    const request = certificateRequest(proxy.caller.proxyId, proxy.credentials.privateKey);
    const renewed = proxy.control.enrolment.renew({ certificateRequest: request });
    expect(await refusalOf(renewed)).toBe("enrolment.proxy-revoked");
  });

  test("a certificate is renewed for its own id and key alone", async () => {
    const proxy = await joined(door.proxy(await door.token()));
    const { proxyId } = proxy.caller;
    for (const [id, key] of [
      [newCaller().proxyId, proxy.credentials.privateKey],
      [proxyId, newPrivateKey()],
    ] as const) {
      const renewed = proxy.control.enrolment.renew({ certificateRequest: certificateRequest(id, key) });
      expect(await refusalOf(renewed)).toBe("enrolment.id-taken");
    }
    const bad = proxy.control.enrolment.renew({ certificateRequest: Buffer.from("no request") });
    expect(await refusalOf(bad)).toBe("request.invalid");
  });
});

test("an expired certificate is refused: at the handshake, on an open connection, and under an open stream", async () => {
  await using door = await openTlsDoor("enrolment_expired", { certificateMs: 60_000 });
  const proxy = await joined(door.proxy(await door.token()));
  await proxy.control.sync.report({});
  door.passMs(61_000);
  expect(await refusalOf(proxy.control.sync.report({}))).toBe("enrolment.certificate-refused");

  // Some seconds before its end, which is a whole one.
  door.passMs(-3_500);
  const watch = proxy.control.sync.watch({}, never())[Symbol.asyncIterator]();
  await watch.next();
  expect(await refusalOf(watch.next())).toBe("enrolment.certificate-refused");

  door.passMs(-57_500);
  door.issuedAgoMs(3_600_000);
  const late = await joined(door.proxy(await door.token()));
  expect(await refusalOf(late.control.sync.report({}))).toBe("enrolment.certificate-refused");
});

test("a control plane's own certificate is believed by its authority and host, and not by the token's pin", async () => {
  await using maker = await openTlsDoor("enrolment_maker");
  const brought = await maker.authority.serverIdentity(["localhost"]);
  await using door = await openTlsDoor("enrolment_brought", { brought });
  const token = await door.token();
  const proxy = await joined(door.proxy(token, { trusted: maker.authority.pem }));
  await proxy.control.sync.report({});
  const pinning = door.proxy(token);
  await until(() => pinning.problems.length > 0, { what: "the pin to be compared" });
  expect(String(pinning.problems[0])).toContain("TOLLGATE_TLS_CA names its authority");

  const elsewhere = await maker.authority.serverIdentity(["elsewhere.example"]);
  await using other = await openTlsDoor("enrolment_elsewhere", { brought: elsewhere });
  const misled = other.proxy(await other.token(), { trusted: maker.authority.pem });
  await until(() => misled.problems.length > 0, { what: "the host to be compared" });
  expect(String(misled.problems[0])).toMatch(/UNAVAILABLE/);
  expect(other.refused).toEqual([]);
});

test("certificates renew themselves, and no call is lost over it", async () => {
  await using door = await openTlsDoor("enrolment_renewal", { certificateMs: 2_000 });
  const proxy = await joined(door.proxy(await door.token()));
  const lost: unknown[] = [];
  let isRenewing = true;
  const calling = (async () => {
    while (isRenewing) await proxy.control.sync.report({}).catch((error: unknown) => lost.push(error));
  })();
  await until(() => proxy.certificates() >= 4, { what: "three renewals", timeoutMs: 20_000 });
  isRenewing = false;
  await calling;
  expect(lost).toEqual([]);
  expect(proxy.problems).toEqual([]);
});

function publicKeyIn({ credentials }: JoiningProxy): Uint8Array {
  return createPublicKey(credentials.privateKey).export({ format: "der", type: "spki" });
}

function pemOf(der: Uint8Array | undefined): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der ?? []).toString("base64")}\n-----END CERTIFICATE-----\n`;
}
