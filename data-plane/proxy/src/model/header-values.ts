// Single values of headers, as far as anybody writes them down: bounded, and nothing where there is none.

import type { IncomingHttpHeaders } from "node:http";

const textCharsMax = 128;

export function textIn(headers: IncomingHttpHeaders, ...names: readonly string[]): string {
  for (const name of names) {
    const value = headers[name];
    if (typeof value === "string" && value !== "") return value.slice(0, textCharsMax);
  }
  return "";
}

export function countIn(headers: IncomingHttpHeaders, name: string): number {
  const value = headers[name];
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : 0;
}
