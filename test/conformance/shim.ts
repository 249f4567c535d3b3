// A reverse proxy on the loopback that adds headers, for the conformance suite, which knows no credentials. Everything else
// passes as it came: `Host` and `Origin` too, so that what stands behind is asked whether it takes foreign ones. Compression
// is forbidden, because the suite reads what it gets as text. Nothing is buffered; when either side goes away, so does the
// other.

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type ShimOptions = {
  /** Where it leads, with the path that its own URL gets. */
  target: string;
  headers: Readonly<Record<string, string>>;
};

export type Shim = { readonly url: string; stop(): Promise<void> } & AsyncDisposable;

export async function startShim({ target, headers }: ShimOptions): Promise<Shim> {
  const { hostname, port, pathname, search } = new URL(target);
  const added = { ...headers, "accept-encoding": "identity" };
  const names = new Set(Object.keys(added).map((name) => name.toLowerCase()));

  function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const kept = pairsOf(incoming.rawHeaders).filter(([name]) => !names.has(name.toLowerCase()));
    const onward = request({
      hostname,
      port,
      path: incoming.url,
      method: incoming.method,
      headers: [...kept, ...Object.entries(added)].flat(),
      agent: false,
    });
    onward.once("response", (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.statusMessage, response.rawHeaders);
      outgoing.flushHeaders();
      response.once("error", () => outgoing.destroy());
      response.pipe(outgoing);
    });
    onward.once("error", () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
    outgoing.once("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  const server = createServer(forward);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on a port has an address of this kind.
  const { port: taken } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://127.0.0.1:${taken}${pathname}${search}`, stop, [Symbol.asyncDispose]: stop };
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) pairs.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  return pairs;
}
