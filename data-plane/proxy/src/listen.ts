// Opening a port, and what to tell a person when it cannot be opened: one sentence that names port and reason.

import { createServer, type Server } from "node:net";

export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(new PortProblem(listenProblem(error, host, port), { cause: error }));
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/**
 * The port that the workers will share, free a moment ago: who could never serve shall say so at once, and not when the first
 * worker starts. Workers share a port by its number: those that ask for 0 would share one as well, but the one that replaces
 * the last of them would get another.
 */
export async function freePort(host: string, wanted: number): Promise<number> {
  const server = createServer();
  const port = await listen(server, host, wanted);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class PortProblem extends Error {}

function listenProblem(error: Error, host: string, port: number): string {
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") return `Port ${port} on ${host} is in use by another process.`;
  if (code === "EACCES") return `Port ${port} on ${host} may not be used by this user.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return `${host} is not an address of this machine.`;
  return `Port ${port} on ${host} could not be opened: ${error.message}.`;
}

export function urlOf(host: string, port: number): string {
  return `http://${addressOf(host, port)}`;
}

/** host:port */
export function addressOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
