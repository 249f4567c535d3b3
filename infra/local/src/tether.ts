// Loaded into each program before its own entry (`node --import`). The launcher holds the other end of its standard input
// and never writes: when that ends, the launcher is gone, killed or crashed, and the program stops as on SIGTERM, within
// some seconds in any case. So no program needs to know that there is a launcher. Workers of a cluster are left alone:
// they follow their primary.
import cluster from "node:cluster";

const stopMsMax = 8_000;

if (cluster.isPrimary) {
  process.stdin.once("close", end);
  process.stdin.once("end", end);
  process.stdin.once("error", end);
  process.stdin.resume();
  // Not a reason to live for a program that has nothing else to do.
  if ("unref" in process.stdin) process.stdin.unref();
}

let isEnding = false;

function end(): void {
  if (isEnding) return;
  isEnding = true;
  setTimeout(() => process.exit(1), stopMsMax).unref();
  process.kill(process.pid, "SIGTERM");
}
