// Where the two programs find each other. A path that is too long for a socket would end every start in a deep directory
// with an error of the operating system that names nothing.

import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { openSocketPath } from "./data-directory.ts";

test("the socket lies in the data directory, where its path has room there", () => {
  expect(openSocketPath("/home/alice/tollgate/.tollgate").path).toBe("/home/alice/tollgate/.tollgate/run/grpc.sock");
});

test("else in a short directory for this user alone, which goes with the launcher", () => {
  const socket = openSocketPath(`/home/alice/${"deep/".repeat(20)}.tollgate`);
  expect(Buffer.byteLength(socket.path)).toBeLessThanOrEqual(103);
  const directory = dirname(socket.path);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  socket.remove();
  expect(existsSync(directory)).toBe(false);
});
