// What a stdio server and an HTTP+SSE server have in common: one line on which whole JSON-RPC messages go both ways. What the
// server sends keeps its order. A channel knows nothing of ids, sessions or callers; it opens at once,
// keeps what it is given until the other side is there, says once that it is over and why, and leaves nothing behind.

import type { ChannelProblem } from "./problem.ts";

/** A message that was too long to keep: enough of it to find out whose it was. */
export type Oversized = { readonly head: string; readonly tail: string };

export type ChannelEvents = {
  /** One line, in no way checked. */
  onMessage(message: Buffer): void;
  onOversized(message: Oversized): void;
  /** At most once, also after `close`. */
  onClosed(problem: ChannelProblem): void;
  /** A line for people: what the program says beside the protocol. */
  onSaid(line: string): void;
};

export type Channel = {
  /**
   * Takes a message without a line feed; false where too much is waiting already. `onFailed` is for a message that did not
   * arrive while the channel lives on; one that is sent without it arrives before all that follow.
   */
  send(message: Buffer, onFailed?: (problem: ChannelProblem) => void): boolean;
  /** Reads nothing more for the time being, so that the other side has to wait. */
  pause(): void;
  resume(): void;
  /** Ends when the other side is gone. */
  close(): Promise<void>;
};

export type OpenChannel = (events: ChannelEvents) => Channel;

const nothing = () => undefined;

/** What never opens; whoever made it says why. */
export const noChannel: Channel = {
  send: () => true,
  pause: nothing,
  resume: nothing,
  close: () => Promise.resolve(),
};

export function closedChannel(why: ChannelProblem, { onClosed }: ChannelEvents): Channel {
  queueMicrotask(() => onClosed(why));
  return noChannel;
}
