// The process's log: JSON lines on standard error, through one logger that knows which members are never written. Redaction
// is done here and not at call sites, and a text that holds a key of ours anywhere is masked before it leaves. Standard
// output belongs to the ready line alone.

import { pino, type Logger } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;

const neverWritten = ["authorization", "cookie", "joinToken", "value", "secret", "secrets", "headers", "x-api-key"];
const keyText = /tg_(key|svc|adm|join)_([0-9a-z]{16})_[0-9A-Za-z]+/g;

export function maskKeys(text: string): string {
  return text.replace(keyText, "tg_$1_$2_[redacted]");
}

export function openLog(level: string, bindings: Record<string, unknown>): Log {
  return pino(
    {
      level,
      base: bindings,
      redact: { paths: neverWritten.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), censor: "[redacted]" },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line: string) => void process.stderr.write(maskKeys(line)) },
  );
}
