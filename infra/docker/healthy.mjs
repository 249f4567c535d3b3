// A container's health check: exit code 0 when the URL answers with 2xx within the time that compose allows, else 1. In
// Node, because the images hold no curl.
const [url] = process.argv.slice(2);
const timeoutMs = 3_000;

try {
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!ok) throw new Error(`${url} answered ${status}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
