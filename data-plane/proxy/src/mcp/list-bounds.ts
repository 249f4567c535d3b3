// What a tool list may cost. A server's list has a bound in bytes, pages and tools; what a worker gathers from all servers at
// a time has one in bytes, because a hundred servers that keep to theirs are too many together; and a client's list has one.
// Bytes are counted while they arrive. Beyond a bound a server is left out of the list, and the list goes out.

import { TollgateError } from "@tollgate/kernel/errors";

/** Counts bytes that have come; an error is the end of it. */
export type Meter = (bytes: number) => TollgateError | undefined;

export type ListLimits = {
  listTimeoutMs: number;
  listBytesMax: number;
  listGatheredBytesMax: number;
  listServerBytesMax: number;
  listServerPagesMax: number;
  listServerToolsMax: number;
};

/** Shared by all that a worker gathers. */
export type Room = { take(bytes: number): boolean; give(bytes: number): void };

export function openRoom(bytesMax: number): Room {
  let free = bytesMax;
  return {
    take(bytes) {
      if (bytes > free) return false;
      free -= bytes;
      return true;
    },
    give: (bytes) => void (free += bytes),
  };
}

export type ListMeter = {
  /** Over all pages of one server. */
  readonly meter: Meter;
  /** Gives back what was taken of the room. */
  close(): void;
};

export function listMeter({ listServerBytesMax }: Pick<ListLimits, "listServerBytesMax">, room: Room): ListMeter {
  let bytes = 0;
  return {
    meter(more) {
      if (bytes + more > listServerBytesMax) return tooLarge(`${listServerBytesMax} bytes`);
      if (!room.take(more)) return new TollgateError("mcp.list-full");
      bytes += more;
      return undefined;
    },
    close() {
      room.give(bytes);
      bytes = 0;
    },
  };
}

export function tooLarge(bound: string): TollgateError {
  return new TollgateError("upstream.too-large", `A list may have ${bound}.`);
}
