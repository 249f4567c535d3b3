// Connections of whoever has not shown a certificate, be it not yet: few at a time, each for a short time. When there are
// too many the oldest gives way and not the newest, because an honest proxy is through its handshake in a moment, and who
// has been here for long holds a place. A connection is known by its address and port, which its plain and its encrypted
// socket have in common.

import type { Socket } from "node:net";

export type Strangers = {
  add(socket: Socket): void;
  /** He has shown a certificate. */
  clear(socket: Socket): void;
};

export type StrangerBounds = {
  strangersMax: number;
  /** How long such a one may stay, its handshake included: enough to join. */
  strangerMsMax: number;
};

export function keepFewStrangers({ strangersMax, strangerMsMax }: StrangerBounds): Strangers {
  // In the order of arrival.
  const known = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>();

  function forget(name: string): Socket | undefined {
    const one = known.get(name);
    clearTimeout(one?.timer);
    known.delete(name);
    return one?.socket;
  }

  return {
    add(socket) {
      const name = nameOf(socket);
      const [oldest] = known.keys();
      if (oldest !== undefined && known.size >= strangersMax) forget(oldest)?.destroy();
      known.set(name, { socket, timer: setTimeout(() => forget(name)?.destroy(), strangerMsMax).unref() });
      socket.once("close", () => {
        if (known.get(name)?.socket === socket) forget(name);
      });
    },
    clear: (socket) => void forget(nameOf(socket)),
  };
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
