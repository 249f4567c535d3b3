// What a server says beside the protocol (standard error, lines that are no messages), for people: into the log at debug, and
// the newest lines into the server's state. Lines are cut, and so many a second are taken; the rest is counted. A value of
// the server's environment is never shown.

import type { Log } from "../log-output.ts";
import type { ChannelLimits } from "./limits.ts";

export type SaidLines = {
  take(line: string): void;
  newest(): readonly string[];
};

export type SaidLinesParts = {
  name: string;
  /** Never shown. */
  hidden: Iterable<string>;
  limits: Pick<ChannelLimits, "saidLineCharsMax" | "saidLinesPerSecondMax" | "saidLinesKeptMax">;
  log: Log;
  nowMs: () => number;
};

/** Shorter ones are no secrets, and are part of every other line. */
const hiddenCharsMin = 8;

export function createSaidLines({ name, hidden, limits, log, nowMs }: SaidLinesParts): SaidLines {
  const masks = [...hidden]
    .flatMap((value) => [value, ...value.split(/[\r\n]+/)])
    .filter((value) => value.length >= hiddenCharsMin)
    .toSorted((one, other) => other.length - one.length);
  const newest: string[] = [];
  let secondFromMs = Number.NEGATIVE_INFINITY;
  let inSecond = 0;
  let left = 0;

  return {
    take(line) {
      const now = nowMs();
      if (now - secondFromMs >= 1_000) {
        if (left > 0) log.debug({ server: name, lines: left }, "a server said more than is logged");
        [secondFromMs, inSecond, left] = [now, 0, 0];
      }
      if (++inSecond > limits.saidLinesPerSecondMax) return void left++;
      const masked = masks.reduce((text, value) => text.replaceAll(value, "[redacted]"), line);
      const shown = masked.slice(0, limits.saidLineCharsMax);
      newest.push(shown);
      if (newest.length > limits.saidLinesKeptMax) newest.shift();
      log.debug({ server: name, line: shown }, "a server said");
    },
    newest: () => [...newest],
  };
}

/** Of a line without end only its beginning is of use; far more than is shown, so that values at its cut are not. */
const lineBytesMax = 64 * 1024;

/** Cuts what comes into lines of a bounded length. */
export function saidLineReader(onLine: (line: string) => void): (chunk: Buffer) => void {
  let kept: Buffer[] = [];
  let bytes = 0;
  const end = () => {
    const text = Buffer.concat(kept).toString("utf8").trimEnd();
    [kept, bytes] = [[], 0];
    if (text !== "") onLine(text);
  };
  return (chunk) => {
    let start = 0;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, start)) {
      keep(chunk.subarray(start, at));
      end();
      start = at + 1;
    }
    keep(chunk.subarray(start));
  };

  function keep(piece: Buffer): void {
    if (piece.length > 0 && bytes <= lineBytesMax) kept.push(Buffer.from(piece));
    bytes += piece.length;
  }
}
