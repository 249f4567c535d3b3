// Which addresses the gate dials for a server (SSRF). A name is resolved once, every address is checked, and only those
// that passed are dialled, so that a second look-up cannot answer otherwise. Link-local and metadata addresses are never
// dialled; loopback and private ranges only where the server's registration says so.

import { lookup as dnsLookup, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { TollgateError } from "@tollgate/kernel/errors";

const never = blockList([
  ["0.0.0.0", 8],
  ["100.100.100.200", 32],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["192.0.0.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 128],
  ["2001::", 32],
  ["fd00:ec2::254", 128],
  ["fd20:ce::254", 128],
  ["fe80::", 10],
  ["ff00::", 8],
]);
const onlyWhereAllowed = blockList([
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["::1", 128],
  ["fc00::", 7],
  ["fec0::", 10],
]);
/** Forms of IPv6 that carry an IPv4 address, by the 16-bit group at which it begins. */
const carriers: readonly (readonly [list: BlockList, group: number])[] = [
  [blockList([["64:ff9b::", 96]]), 6],
  [blockList([["64:ff9b:1::", 48]]), 6],
  [blockList([["::", 96]]), 6],
  [blockList([["::ffff:0:0", 96]]), 6],
  [blockList([["::ffff:0:0:0", 96]]), 6],
  [blockList([["2002::", 16]]), 1],
];

function blockList(subnets: readonly (readonly [address: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, isIP(address) === 4 ? "ipv4" : "ipv6");
  return list;
}

export function isDialable(address: string, allowPrivateNetwork: boolean): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  if (family === 4) return isAllowed(address, "ipv4", allowPrivateNetwork);
  const plain = address.split("%")[0] ?? "";
  if (plain === "::1") return allowPrivateNetwork;
  const groups = groupsOf(plain);
  for (const [list, group] of carriers)
    if (list.check(plain, "ipv6")) return isAllowed(ipv4At(groups, group), "ipv4", allowPrivateNetwork);
  return isAllowed(plain, "ipv6", allowPrivateNetwork);
}

function isAllowed(address: string, family: "ipv4" | "ipv6", allowPrivateNetwork: boolean): boolean {
  if (never.check(address, family)) return false;
  return allowPrivateNetwork || !onlyWhereAllowed.check(address, family);
}

/** The eight groups; `URL` writes every form of an address in hexadecimal groups, dotted tails included. */
function groupsOf(address: string): number[] {
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}

function ipv4At(groups: readonly number[], group: number): string {
  const high = groups[group] ?? 0;
  const low = groups[group + 1] ?? 0;
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** A `lookup` for sockets that gives only addresses that may be dialled. */
export function guardedLookup(allowPrivateNetwork: boolean): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, "");
      const dialable = addresses.filter(({ address }) => isDialable(address, allowPrivateNetwork));
      const [first] = dialable;
      if (first === undefined) return callback(new TollgateError("upstream.address-refused"), "");
      if (options.all === true) callback(null, dialable);
      else callback(null, first.address, first.family);
    });
  };
}

/** For a URL whose host is an address: sockets do not look those up, so they are checked before any is opened. */
export function isDialableHost(hostname: string, allowPrivateNetwork: boolean): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(address) === 0 || isDialable(address, allowPrivateNetwork);
}
