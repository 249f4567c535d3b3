// Starts a fixture server of either era as a process of its own, as a real server would be. It ends with the scope.
import { fileURLToPath } from "node:url";
import { startProcess } from "../support/processes.ts";

export type Era = "legacy" | "modern";

export async function startFixtureServer(era: Era): Promise<{ url: string } & AsyncDisposable> {
  const entry = fileURLToPath(new URL(`./fixtures/${era}-server.ts`, import.meta.url));
  const running = await startProcess({ name: `fixture server (${era})`, args: [entry] });
  const [, url = ""] = await running.waitForLine(/"url":"(http[^"]+)"/);
  return { url, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}
