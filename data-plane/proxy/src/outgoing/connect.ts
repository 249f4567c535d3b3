// How a connection is opened: TCP, TLS with the sessions that it has had, or a Unix socket, within a time. undici does it, and
// nothing else here. What comes on any of them is read into one place, and whoever takes it copies what he keeps: memory of
// its own for each piece, and a stream that hands it on, cost more than the copy. While it is held up nothing is read, so that
// the other side's end, or reset, is heard of only afterwards.

import type { Socket } from "node:net";
import { buildConnector } from "undici";

export type Connect = buildConnector.connector;

/** `bytes` are good until it returns. */
export type TakeBytes = (bytes: Buffer) => void;

const room = Buffer.allocUnsafeSlow(64 * 1024);
const takers = new WeakMap<Socket, TakeBytes>();

export function connecting(options: buildConnector.BuildOptions): Connect {
  return buildConnector({ ...options, allowH2: false, onread: { buffer: room, callback } });
}

/** Of a socket that was opened here; it reads from now on. */
export function takeBytes(socket: Socket, take: TakeBytes): void {
  takers.set(socket, take);
  socket.resume();
}

/** Node calls it as a method of the socket. */
function callback(this: unknown, length: number): true {
  const take = takers.get(this as Socket);
  // Whoever speaks before he is spoken to is not understood.
  if (take === undefined) (this as Socket).destroy();
  else take(room.subarray(0, length));
  return true;
}
