// A setting that is mistyped must stop the start, not be ignored: an ignored limit is no limit.

import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { formatJoinToken } from "@tollgate/kernel/enrolment";
import { isTollgateVariable } from "@tollgate/kernel/environment";
import { expect, test } from "vitest";
import { loadConfig, redacted, settings } from "./config.ts";

const pin = "A".repeat(43);
const least = { TOLLGATE_JOIN_TOKEN: formatJoinToken("0".repeat(16), new Uint8Array(32), pin) };

test("defaults are whole; the join token is the one thing that must be given", () => {
  expect(loadConfig(least)).toMatchObject({
    host: "127.0.0.1",
    proxyPort: 8080,
    adminPort: 9090,
    requestBytesMax: 4_194_304,
  });
  expect(loadConfig(least).workers).toBeGreaterThanOrEqual(1);
  expect(() => loadConfig({})).toThrow(/TOLLGATE_JOIN_TOKEN/);
});

test("unknown and impossible settings are refused all at once, by name", () => {
  const wrong = { ...least, TOLLGATE_PROXY_PROT: "1", TOLLGATE_PROXY_PORT: "70000", TOLLGATE_PROXY_WORKERS: "0" };
  expect(() => loadConfig(wrong)).toThrow(ConfigProblem);
  expect(() => loadConfig(wrong)).toThrow(/PROXY_PROT.*PROXY_PORT.*PROXY_WORKERS/);
});

test("the control plane's settings may stand in the same environment, and an empty one is as good as none", () => {
  const env = { ...least, TOLLGATE_DATABASE_URL: "x", TOLLGATE_SECRET_GITHUB: "x", TOLLGATE_PROXY_PORT: "" };
  expect(loadConfig(env).proxyPort).toBe(8080);
});

test("over the network only a join token with its pin will do; on a socket, whatever both planes were given", () => {
  const given = { TOLLGATE_JOIN_TOKEN: "both have it" };
  expect(() => loadConfig(given)).toThrow(/TOLLGATE_JOIN_TOKEN is no join token/);
  expect(() => loadConfig({ ...least, TOLLGATE_CONTROL_URL: "http://control:9092" })).toThrow(/TOLLGATE_CONTROL_URL/);
  const socket = { TOLLGATE_CONTROL_URL: "unix:/run/tollgate.sock" };
  expect(loadConfig({ ...given, ...socket }).joinToken).toEqual({ text: "both have it" });
  expect(() => loadConfig({ ...socket, TOLLGATE_JOIN_TOKEN_FILE: "file" })).toThrow(/TOLLGATE_JOIN_TOKEN is needed/);
});

test("other proxies are told an address that they can dial, or there is no internal port", () => {
  expect(loadConfig(least).internalPort).toBeUndefined();
  expect(loadConfig({ ...least, TOLLGATE_INTERNAL_PORT: "0" })).toMatchObject({ internalPort: 0 });
  const everywhere = { ...least, TOLLGATE_INTERNAL_PORT: "9443", TOLLGATE_HOST: "0.0.0.0" };
  expect(() => loadConfig(everywhere)).toThrow(/TOLLGATE_INTERNAL_ADDRESS is needed/);
  for (const address of ["proxy-1.acme.eu:9443", "10.0.0.1:9443", "[::1]:9443"])
    expect(loadConfig({ ...everywhere, TOLLGATE_INTERNAL_ADDRESS: address }).internalAddress).toBe(address);
  for (const address of ["proxy-1", "https://proxy-1:9443", "proxy-1:9443/x", "a@b:1", ":9443", "a:0", "a:65536"])
    expect(() => loadConfig({ ...everywhere, TOLLGATE_INTERNAL_ADDRESS: address }), address).toThrow(
      /INTERNAL_ADDRESS/,
    );
  expect(() => loadConfig({ ...least, TOLLGATE_INTERNAL_ADDRESS: "proxy-1:9443" })).toThrow(/TOLLGATE_INTERNAL_PORT/);
  // Without certificates there is nothing to show there.
  const socket = { ...everywhere, TOLLGATE_CONTROL_URL: "unix:/run/tollgate.sock" };
  expect(loadConfig(socket).internalPort).toBeUndefined();
});

test("each setting is known to the programs beside this one, which are started by the same environment", () => {
  expect(Object.keys(settings).filter((name) => !isTollgateVariable(name))).toEqual([]);
});

test("what is printed at start holds no secret", () => {
  expect(JSON.stringify(redacted(loadConfig(least)))).not.toContain(least.TOLLGATE_JOIN_TOKEN);
});
