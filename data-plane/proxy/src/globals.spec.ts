// That the names which are read for each call are values, and mean what they meant: what stays an accessor is called each time.

import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { expect, test } from "vitest";
import { makeGlobalsValues } from "./globals.ts";

test("globals that are read for each call are values, the same as before and seen as before", () => {
  const names = Object.keys(globalThis);
  makeGlobalsValues();
  for (const [name, value] of Object.entries({ Buffer, performance, process })) {
    const property = Object.getOwnPropertyDescriptor(globalThis, name);
    expect(property).toEqual({ value, writable: true, configurable: true, enumerable: names.includes(name) });
  }
});
