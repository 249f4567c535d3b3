// The bare pass-through as several processes that are alike. The engine compiles the same program in one of two ways, by chance,
// and stays with it for the life of a process: of eight, seven took 51 to 58 µs for a call and one took 40. Held against one
// process the gate would be measured by that chance.

import { fileURLToPath } from "node:url";
import { startProcess } from "../support/processes.ts";
import type { Instance } from "./turns.ts";

const count = 3;
const entry = fileURLToPath(new URL("./bare-proxy.ts", import.meta.url));

export interface Bares extends AsyncDisposable {
  readonly at: readonly [Instance, ...Instance[]];
}

export async function startBares(origin: string, ...args: readonly string[]): Promise<Bares> {
  const running = new AsyncDisposableStack();
  const start = async (): Promise<Instance> => {
    const bare = running.use(await startProcess({ name: "bare pass-through", args: [entry, origin, ...args] }));
    const [, url = ""] = await bare.waitForLine(/"url":"(http[^"]+)"/);
    return { origin: url, pid: bare.pid };
  };
  const at: [Instance, ...Instance[]] = [await start()];
  while (at.length < count) at.push(await start());
  return { at, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
