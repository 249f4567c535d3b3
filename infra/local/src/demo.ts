// The demonstration: the mock provider beside the stack, known to it as the providers `anthropic` and `openai`, with prices
// for a model of each. It adds them where there are no providers yet, and changes nothing that somebody else set: its own
// are those of which a credential is called `demo`. Another start finds them, on the same port unless that was taken since,
// and tells their new address then. What the mock says comes from no model, and no provider is paid.
import { once } from "node:events";
import { createServer } from "node:net";
import { z } from "zod";
import type { AdminApi } from "./admin-api.ts";
import { Problem } from "./problem.ts";

export interface Demo {
  /** What people are told about it. */
  readonly told: readonly string[];
  /** The gate serves it from here on; undefined: nothing was changed. */
  readonly position: bigint | undefined;
}

const credentialName = "demo";
const providersMax = 100;

const wanted = [
  { name: "anthropic", kind: "ANTHROPIC", path: "", models: ["claude-demo", "claude-*"] },
  { name: "openai", kind: "OPENAI", path: "/v1", models: ["gpt-demo", "gpt-*", "text-embedding-*"] },
] as const;

/** What a model of their kind may cost, so that a call has a price. */
const prices = [
  {
    ...{ provider: "anthropic", model: "claude-demo", inputPerMillion: "3", outputPerMillion: "15" },
    ...{ cachedInputPerMillion: "0.3", cacheWrite5mPerMillion: "3.75", cacheWrite1hPerMillion: "6" },
    ...{ contextTokensMax: "200000", outputTokensMax: "64000" },
  },
  {
    ...{ provider: "openai", model: "gpt-demo", inputPerMillion: "1.25", outputPerMillion: "10" },
    ...{ cachedInputPerMillion: "0.125", contextTokensMax: "400000", outputTokensMax: "128000" },
  },
];

const position = z.string().regex(/^\d+$/).transform(BigInt);
const presentShape = z.object({
  providers: z.object({
    nodes: z.array(
      z.object({
        ...{ id: z.string(), name: z.string(), baseUrl: z.string() },
        credentials: z.array(z.object({ name: z.string() })),
      }),
    ),
  }),
  priceList: z.object({ version: z.number() }).nullable(),
});
type Present = z.infer<typeof presentShape>;
type Known = Present["providers"]["nodes"][number];

/** `startProvider` starts the mock on this port, 0 for any, and says its URL. */
export async function startDemo(api: AdminApi, startProvider: (port: number) => Promise<string>): Promise<Demo> {
  const { providers, priceList } = await readPresent(api);
  const [own, others] = [providers.nodes.filter(isOwn), providers.nodes.filter((known) => !isOwn(known))];
  if (own.length === 0 && others.length > 0) {
    const names = others.map(({ name }) => name).join(", ");
    return {
      told: [`The demonstration adds nothing where there are providers already: ${names}.`],
      position: undefined,
    };
  }
  const [former] = own;
  const url = await startProvider(former === undefined ? 0 : await portToUse(new URL(former.baseUrl)));
  const done: bigint[] = [];
  for (const { path, ...provider } of wanted) {
    const baseUrl = `${url}${path}`;
    const known = own.find(({ name }) => name === provider.name);
    if (known === undefined && others.length === 0) done.push(await register(api, { ...provider, baseUrl }));
    if (known !== undefined && known.baseUrl !== baseUrl) done.push(await move(api, known, baseUrl));
  }
  if (priceList === null) done.push(await setPrices(api));
  return {
    told: [
      `The providers anthropic and openai are a demonstration at ${url}: no model, and nobody is paid. Without --demo nobody`,
      "answers for them. They have claude-demo and gpt-demo, and take every claude-… and gpt-… name.",
    ],
    position: done.at(-1),
  };
}

const ownCredentials = [{ name: credentialName, value: credentialName }];

function isOwn({ credentials, baseUrl }: Known): boolean {
  return credentials.some(({ name }) => name === credentialName) && new URL(baseUrl).hostname === "127.0.0.1";
}

async function readPresent(api: AdminApi): Promise<Present> {
  // What a configuration file set at this start is in the log already, and may not be in a list yet.
  const { log } = await api.ask(z.object({ log: z.object({ position: z.string() }) }), "{ log { position } }");
  return api.ask(
    presentShape,
    `query ($atLeast: Position!) {
       providers(first: ${providersMax}, atLeast: $atLeast) { nodes { id name baseUrl credentials { name } } }
       priceList(atLeast: $atLeast) { version } }`,
    { atLeast: log.position },
  );
}

async function register(api: AdminApi, provider: object): Promise<bigint> {
  return command(api, "registerProvider", { ...provider, credentials: ownCredentials, allowPrivateNetwork: true });
}

async function move(api: AdminApi, { id }: Known, baseUrl: string): Promise<bigint> {
  return command(api, "changeProvider", { id, baseUrl, credentials: ownCredentials });
}

async function setPrices(api: AdminApi): Promise<bigint> {
  return command(api, "setPrices", { prices });
}

const answerShape = z.object({ answer: z.object({ position: position.optional(), message: z.string().optional() }) });

async function command(api: AdminApi, mutation: string, input: object): Promise<bigint> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
  const { answer } = await api.ask(
    answerShape,
    `mutation ($input: ${type}Input!) { answer: ${mutation}(input: $input) {
       ... on ${type}Succeeded { position } ... on Refusal { message } } }`,
    { input },
  );
  if (answer.position === undefined) throw new Problem(`The demonstration was refused: ${answer.message ?? mutation}`);
  return answer.position;
}

/** The same as before, since clients and logs know it; another where somebody else has it by now. */
async function portToUse({ port }: URL): Promise<number> {
  const probe = createServer().listen(Number(port), "127.0.0.1");
  try {
    await once(probe, "listening");
    return Number(port);
  } catch {
    return 0;
  } finally {
    probe.close();
  }
}
