// Which addresses a server's URL may lead to. A miss here lets whoever registers a server read a cloud's metadata through us.

import { expect, test } from "vitest";
import { guardedLookup, isDialable, isDialableHost } from "./address-guard.ts";

const never = [
  "169.254.169.254",
  "0.0.0.0",
  "224.0.0.1",
  "255.255.255.255",
  "100.100.100.200",
  "fe80::1",
  "fe80::1%eth0",
  "::",
  "ff02::1",
  "::ffff:169.254.169.254",
  "::ffff:a9fe:a9fe",
  "64:ff9b::169.254.169.254",
  "2002:a9fe:a9fe::1",
  "fd00:ec2::254",
  "fd20:ce::254",
  "168.63.129.16",
  "::ffff:0:169.254.169.254",
  "2001:0:a9fe:a9fe::1",
  "::169.254.169.254",
];
const onlyWhereAllowed = [
  "127.0.0.1",
  "127.8.8.8",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "100.64.0.1",
  "::1",
  "fd12::1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  "64:ff9b::10.0.0.1",
  "2002:0a00:0001::",
];
const always = ["1.1.1.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"];

test("link-local and metadata never, private by registration, public always", () => {
  for (const address of never) expect([address, isDialable(address, true)]).toEqual([address, false]);
  for (const address of onlyWhereAllowed)
    expect([address, isDialable(address, false), isDialable(address, true)]).toEqual([address, false, true]);
  for (const address of always) expect([address, isDialable(address, false)]).toEqual([address, true]);
  for (const text of ["", "localhost", "1.2.3", "0x7f.1"]) expect(isDialable(text, true)).toBe(false);
});

test("a URL's address in any spelling is checked, because sockets do not look it up", () => {
  for (const host of ["0x7f.1", "2130706433", "127.1", "[::1]", "[::ffff:7f00:1]", "0177.0.0.1"])
    expect([host, isDialableHost(new URL(`http://${host}/`).hostname, false)]).toEqual([host, false]);
  expect(isDialableHost("example.org", false)).toBe(true);
});

test("a name that resolves to loopback gives no address unless that is allowed", async () => {
  const lookUp = (allowed: boolean) =>
    new Promise<string>((resolve) =>
      guardedLookup(allowed)("localhost", { all: true }, (error, addresses) =>
        resolve(error === null ? JSON.stringify(addresses) : error.message),
      ),
    );
  expect(await lookUp(false)).toContain("not one that may be dialled");
  expect(await lookUp(true)).toMatch(/127\.0\.0\.1|::1/);
});
