// What people read when PostgreSQL does not start. The quoted texts are PostgreSQL 18's and Node's own.
import { expect, test } from "vitest";
import { describeFailure } from "./postgres-failure.ts";

const place = { dir: "/data/postgres", port: 5432 };

test.each([
  [
    'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use\nFATAL:  could not create any TCP/IP sockets',
    "Port 5432 on 127.0.0.1 is in use by another program.",
  ],
  [
    'FATAL:  could not write to file "pg_wal/xlogtemp.9": No space left on device',
    "No space is left on the device that holds /data/postgres.",
  ],
  [
    "Error: ENOSPC: no space left on device, mkdir '/data'",
    "No space is left on the device that holds /data/postgres.",
  ],
  [
    "FATAL:  database files are incompatible with server\nDETAIL:  The data directory was initialized by PostgreSQL " +
      "version 17, which is not compatible with this version 18.4.",
    "/data/postgres holds data of PostgreSQL 17, which PostgreSQL 18.4 cannot read.",
  ],
  [
    "Error: EACCES: permission denied, mkdir '/data'",
    "/data/postgres is not readable and writable for the user who runs PostgreSQL.",
  ],
  [
    "postgres: error while loading shared libraries: libatomic.so.1: cannot open shared object file",
    "PostgreSQL needs the library libatomic.so.1, which this machine lacks.",
  ],
  [
    "Error: spawn setpriv ENOENT",
    "PostgreSQL cannot run as root here: the program setpriv (package util-linux) is missing.",
  ],
  [
    "LOG:  hm\n2026-11-24 15:43:34.735 UTC [81] FATAL:  something new\nLOG:  bye\n",
    "PostgreSQL on /data/postgres failed: FATAL:  something new",
  ],
  ["", "PostgreSQL on /data/postgres failed: it gave no reason"],
])("%j", (said, sentence) => {
  expect(describeFailure(said, place)).toBe(sentence);
});
