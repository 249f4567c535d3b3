// The mock provider as a program, for benchmarks, demonstrations and tests of whole processes. It runs as it is, with nothing
// but Node: `node infra/mock-provider/main.ts --port 8089 --model claude-demo --model gpt-demo`. One line of JSON with its
// URL when it listens, in the form of our other programs; what it does is told to it under `/mock/` (control.ts). It keeps no bodies unless `--record` says so.
import { parseArgs } from "node:util";
import { startMockProvider } from "./provider.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    /** Each that is listed; without any, all can be asked. */
    model: { type: "string", multiple: true, default: [] },
    /** Each that is accepted; without any, all are. */
    key: { type: "string", multiple: true, default: [] },
    record: { type: "boolean", default: false },
  },
});

const provider = await startMockProvider({
  host: values.host,
  port: Number(values.port),
  models: values.model,
  ...(values.key.length === 0 ? {} : { credentials: values.key }),
  ...(values.record ? {} : { recordedBytesMax: 0 }),
});
process.stdout.write(`${JSON.stringify({ ready: { url: provider.url } })}\n`);

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    void provider[Symbol.asyncDispose]().then(() => process.exit(0));
  });
