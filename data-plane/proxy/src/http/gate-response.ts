// A response that may be given the lines of a head that were checked where they came from. Node checks each name and each value
// itself, whoever says it, which is 3 µs for twenty lines; what a provider said was read by the same rules (`response-head.ts`),
// and what the gate says beside it are words of its own.

import { ServerResponse } from "node:http";
import type { GateRequest } from "./gate-request.ts";

declare module "node:http" {
  interface OutgoingMessage {
    /** Puts the head together: the first line, these lines, and what Node adds to them. */
    _storeHeader(firstLine: string, lines: unknown): void;
  }
}

/** What Node has to know of: it says how the message ends, or Node would say it once more. */
const ofNode: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "date",
  "expect",
]);

/** Names and values in turn, none of them one that Node has to know of. */
export function headLines(lines: readonly string[]): string {
  let text = "";
  for (let at = 0; at < lines.length; at += 2) text += headLine(lines[at] ?? "", lines[at + 1] ?? "");
  return text;
}

function headLine(name: string, value: string): string {
  return `${name}: ${value}\r\n`;
}

export class GateResponse extends ServerResponse<GateRequest> {
  #checked = "";

  /**
   * `lines`: names and values in turn, each one that HTTP lets stand in a head, without a character beyond its bytes. What was set
   * before under one of their names is said beside it. `more`: lines of the gate's own, as `headLines` makes them.
   */
  writeCheckedHead(status: number, lines: readonly string[], more = ""): void {
    const left: string[] = [];
    let checked = "";
    for (let at = 0; at < lines.length; at += 2) {
      const name = lines[at] ?? "";
      const value = lines[at + 1] ?? "";
      if (ofNode.has(name.toLowerCase())) left.push(name, value);
      else checked += headLine(name, value);
    }
    this.#checked = checked + more;
    try {
      this.writeHead(status, left);
    } finally {
      // Where it failed, the refusal in its place must not say these lines.
      this.#checked = "";
    }
  }

  override _storeHeader(firstLine: string, lines: unknown): void {
    super._storeHeader(firstLine + this.#checked, lines);
  }
}
