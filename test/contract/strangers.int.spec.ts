// What somebody without a certificate can cost the control plane, over real TLS: headers, and a short connection. Whoever
// could make it read and decode a large body, or hold its sockets, would stop it for every proxy without being anybody.

import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { controlPlaneName } from "@tollgate/kernel/enrolment";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../support/wait.ts";
import { openTlsDoor, type JoiningProxy, type TlsDoor } from "./tls-door.ts";

const report = "/tollgate.v1.Sync/Report";
const join = "/tollgate.v1.Enrolment/Join";
const mebibyte = 1024 * 1024;
/** No message: a field of a kind that there is none of. */
const malformed = Buffer.alloc(64, 0xff);

let open: AsyncDisposableStack;

beforeEach(() => {
  open = new AsyncDisposableStack();
});

afterEach(() => open.disposeAsync());

async function doorWith(options: Parameters<typeof openTlsDoor>[1] = {}): Promise<TlsDoor> {
  return open.use(await openTlsDoor("strangers", options));
}

async function joined(door: TlsDoor): Promise<JoiningProxy> {
  const proxy = door.proxy(await door.token());
  await until(() => proxy.certificates() > 0, { what: "the proxy to join" });
  return proxy;
}

function session(door: TlsDoor, own: ConnectionOptions = {}): ClientHttp2Session {
  const about = { ca: door.authority.pem, servername: controlPlaneName, checkServerIdentity: () => undefined };
  const connected = connect(door.url, { ...about, ...own });
  connected.on("error", () => undefined);
  open.defer(() => connected.destroy());
  return connected;
}

/** A call whose body is said to have so many bytes, and has those that are written to it. */
function call(over: ClientHttp2Session, path: string, bytes: number, metadata: Record<string, string> = {}) {
  const request = over.request({
    ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
    ...metadata,
  });
  request.on("error", () => undefined);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes, 1);
  request.write(head);
  return request;
}

async function refusal(request: ClientHttp2Stream): Promise<unknown> {
  return new Promise((resolve) => {
    const take = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] !== undefined) resolve(headers["tollgate-code"] ?? Number(headers["grpc-status"]));
    };
    request.on("response", take).on("trailers", take);
    request.on("close", () => resolve("closed without a word"));
    request.resume();
  });
}

test.each([report, "/tollgate.v1.Sync/Watch"])(
  "a stranger is refused before the body of %s has come, and whatever is in it",
  async (path) => {
    const door = await doorWith();
    const over = session(door);
    const never = call(over, path, mebibyte);
    expect(await refusal(never)).toBe("enrolment.certificate-refused");
    const whole = call(over, path, malformed.length);
    whole.end(malformed);
    expect(await refusal(whole)).toBe("enrolment.certificate-refused");
    expect(door.called).toEqual([]);
  },
);

test("to join nobody may send more than what joining takes", async () => {
  const door = await doorWith();
  expect(await refusal(call(session(door), join, 17 * 1024))).toBe(8);
  const small = call(session(door), join, malformed.length);
  small.end(malformed);
  expect(await refusal(small)).toBe("request.invalid");
});

test("a proxy sends two mebibytes at most, and what cannot be decoded is its fault and no bug of ours", async () => {
  const door = await doorWith();
  const { credentials, caller } = await joined(door);
  const over = session(door, { secureContext: credentials.context() });
  const boot = { "tollgate-boot": caller.boot };
  expect(await refusal(call(over, report, 3 * mebibyte, boot))).toBe(8);
  const whole = call(over, report, malformed.length, boot);
  whole.end(malformed);
  expect(await refusal(whole)).toBe("request.invalid");
  expect(door.refused).toEqual(["request.invalid"]);
});

test("a proxy that is revoked while its request is on its way is not served", async () => {
  const door = await doorWith();
  const { credentials, caller } = await joined(door);
  const over = session(door, { secureContext: credentials.context() });
  const boot = { "tollgate-boot": caller.boot };
  const slow = call(over, report, 0, boot);
  const watching = call(over, "/tollgate.v1.Sync/Watch", 0, boot);
  watching.end();
  await until(() => door.called.length > 0, { what: "a call after it to be admitted" });
  const ended = refusal(watching);
  await door.revoke(caller.proxyId);
  expect(await ended).toBe("enrolment.proxy-revoked");
  slow.end();
  expect(await refusal(slow)).toBe("enrolment.proxy-revoked");
  expect(door.called).toHaveLength(1);
});

test("of too many strangers the oldest gives way; who has a certificate stays, and one more comes in", async () => {
  const door = await doorWith({ bounds: { connectionsMax: 20, strangersMax: 3, strangerMsMax: 60_000 } });
  const first = await joined(door);
  await first.control.sync.report({});
  const closed: number[] = [];
  for (let n = 0; n < 6; n++) (await silent(door)).on("close", () => closed.push(n));
  await until(() => closed.length >= 3, { what: "the first to be sent away" });
  expect(closed).toEqual([0, 1, 2]);
  await first.control.sync.report({});
  await joined(door);
});

test("a stranger's connection ends after its time, and not that of a proxy", async () => {
  const door = await doorWith({ bounds: { connectionsMax: 20, strangersMax: 10, strangerMsMax: 1_000 } });
  const proxy = await joined(door);
  const watch = proxy.control.sync.watch({}, new AbortController().signal)[Symbol.asyncIterator]();
  await watch.next();
  const stranger = await silent(door);
  await new Promise((resolve) => stranger.once("close", resolve));
  expect(await Promise.race([watch.next().then(() => "ended"), proxy.control.sync.report({}).then(() => "open")])).toBe(
    "open",
  );
});

async function silent(door: TlsDoor): Promise<TLSSocket> {
  const socket = connectTls({
    ...{ port: door.port, host: "localhost", ca: door.authority.pem, servername: controlPlaneName },
    ...{ ALPNProtocols: ["h2"], checkServerIdentity: () => undefined },
  });
  socket.on("error", () => undefined).resume();
  open.defer(() => void socket.destroy());
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  return socket;
}
