// What keeps a web page from calling a gate on its reader's own machine: on a loopback bind the Host header must name
// loopback (DNS rebinding makes a foreign name resolve here), and a browser's Origin must be loopback or listed. Requests
// of programs carry no Origin and pass.

import { isIP } from "node:net";
import type { IncomingHttpHeaders } from "node:http";
import type { ErrorCode } from "@tollgate/kernel/errors";

export type OriginRules = {
  host: string;
  allowedHosts: readonly string[];
  allowedOrigins: readonly string[];
};

export function originProblem(rules: OriginRules): (headers: IncomingHttpHeaders) => ErrorCode | undefined {
  const onLoopback = isLoopback(rules.host);
  const hosts = new Set(rules.allowedHosts.map((host) => host.toLowerCase()));
  const origins = new Set(rules.allowedOrigins.map((origin) => origin.toLowerCase()));
  const isOurs = (host: string) => isLoopback(hostnameOf(host)) || hosts.has(host.toLowerCase());
  // Almost every request names the same host; looking at it again costs a microsecond.
  let lastOurs: string | undefined;
  return ({ host, origin }) => {
    if (onLoopback && (host === undefined || host !== lastOurs)) {
      if (host === undefined || !isOurs(host)) return "request.host-refused";
      lastOurs = host;
    }
    if (origin === undefined || origins.has(origin.toLowerCase())) return undefined;
    return onLoopback && isLoopbackOrigin(origin) ? undefined : "request.origin-refused";
  };
}

function isLoopbackOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  return url !== null && isLoopback(url.hostname);
}

function hostnameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, "");
}

export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}
