// The demonstration is for who has no provider, and must never get in the way of one that somebody has: it adds nothing beside
// what is there, changes nothing that it did not make, and a hundred starts with it leave what one does.
import { createServer } from "node:net";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import type { AdminApi } from "./admin-api.ts";
import { startDemo } from "./demo.ts";

type Known = { id: string; name: string; baseUrl: string; credentials: { name: string }[] };
type Command = { readonly mutation: string; readonly input: Readonly<Record<string, unknown>> };

/** An admin API that has these, and takes every command. */
function apiWith(providers: readonly Known[], version?: number) {
  const commands: Command[] = [];
  const api: AdminApi = {
    async ask(data, query, variables = {}) {
      const [, mutation] = /answer: (\w+)/.exec(query) ?? [];
      if (mutation !== undefined) {
        // The only variable of a command.
        commands.push({ mutation, input: variables["input"] as Command["input"] });
        return data.parse({ answer: { position: String(100 + commands.length) } });
      }
      if (query.includes("{ log")) return data.parse({ log: { position: "100" } });
      expect(variables).toEqual({ atLeast: "100" });
      return data.parse({ providers: { nodes: providers }, priceList: version === undefined ? null : { version } });
    },
  };
  return { api, commands };
}

const ports: number[] = [];
const startProvider = (port: number): Promise<string> => {
  ports.push(port);
  return Promise.resolve(`http://127.0.0.1:${port === 0 ? 7_001 : port}`);
};
afterEach(() => void ports.splice(0));

const made = (name: string, baseUrl: string, credential = "demo"): Known => ({
  ...{ id: `id-${name}`, name, baseUrl },
  credentials: [{ name: credential }],
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("where there is nothing, both providers and prices for their models are added", async () => {
  const { api, commands } = apiWith([]);
  const { position, told } = await startDemo(api, startProvider);
  expect(ports).toEqual([0]);
  expect(commands.map(({ mutation, input }) => [mutation, input["name"], input["baseUrl"]])).toEqual([
    ["registerProvider", "anthropic", "http://127.0.0.1:7001"],
    ["registerProvider", "openai", "http://127.0.0.1:7001/v1"],
    ["setPrices", undefined, undefined],
  ]);
  expect(position).toBe(103n);
  expect(told.join(" ")).toContain("http://127.0.0.1:7001");
});

test("where somebody has a provider, nothing is started or changed, and that is said", async () => {
  const { api, commands } = apiWith([made("anthropic", "https://models.example", "main")]);
  const { position, told } = await startDemo(api, startProvider);
  expect([ports, commands, position]).toEqual([[], [], undefined]);
  expect(told.join(" ")).toContain("nothing where there are providers already: anthropic");
});

test("another start finds its own on their port, and changes nothing", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { api, commands } = apiWith([made("anthropic", url), made("openai", `${url}/v1`)], 1);
  const { position } = await startDemo(api, startProvider);
  expect([ports, commands, position]).toEqual([[Number(new URL(url).port)], [], undefined]);
});

test("where its port was taken since, the new address is told, and prices that somebody set stay", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const { api, commands } = apiWith([made("anthropic", url), made("openai", `${url}/v1`)], 4);
  await startDemo(api, startProvider);
  other.close();
  expect(ports).toEqual([0]);
  // They go nowhere else than they were given for, unless they are given again.
  const credentials = [{ name: "demo", value: "demo" }];
  expect(commands).toEqual([
    { mutation: "changeProvider", input: { id: "id-anthropic", baseUrl: "http://127.0.0.1:7001", credentials } },
    { mutation: "changeProvider", input: { id: "id-openai", baseUrl: "http://127.0.0.1:7001/v1", credentials } },
  ]);
});

test("beside one that somebody added since, its own are kept, and none is added", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { api, commands } = apiWith([made("anthropic", url), made("mine", "https://models.example", "main")], 1);
  await startDemo(api, startProvider);
  expect(commands).toEqual([]);
});
