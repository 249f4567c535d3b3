// The process's log: JSON lines on standard error, through one logger that knows which members are never written. Redaction
// is done here and not at call sites, and a text that holds a key of ours anywhere is masked before it leaves. Standard
// output belongs to the ready line alone. What Nest says of itself is for debugging only.

import type { LoggerService } from "@nestjs/common";
import { pino, type Logger } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;

const neverWritten = ["authorization", "cookie", "joinToken", "adminToken", "value", "secret", "secrets"].concat([
  "headers",
  "variables",
  "file",
  "masterKey",
  // A failed statement's values; PostgreSQL's own detail repeats them.
  "parameters",
  "detail",
]);
const keyText = /tg_(key|svc|adm|join)_([0-9a-z]{16})_[0-9A-Za-z]+/g;

export function maskKeys(text: string): string {
  return text.replace(keyText, "tg_$1_$2_[redacted]");
}

export function openLog(level: string, write: (line: string) => void = (line) => void process.stderr.write(line)): Log {
  return pino(
    {
      level,
      base: { process: "control-plane" },
      redact: { paths: neverWritten.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), censor: "[redacted]" },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line: string) => write(maskKeys(line)) },
  );
}

export function nestLogger(log: Log): LoggerService {
  const debug = (message: unknown): void => log.debug({ from: "nest" }, String(message));
  return {
    log: debug,
    debug,
    verbose: debug,
    warn: (message: unknown) => log.warn({ from: "nest" }, String(message)),
    // Every error that a resolver throws, refusals of bad input included; bugs are logged where errors are formatted.
    error: debug,
    fatal: (message: unknown) => log.error({ from: "nest" }, String(message)),
  };
}
