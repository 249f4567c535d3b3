// The gate as it is run, for what clients are told of budgets: a control plane and a proxy as processes, behind them the mock of a
// client's model as the provider `claude` in Anthropic's protocol and `gpt` in OpenAI's. A spender is a key in a team of its own,
// with hard budgets of the month, and a tap that sees what its client asks. What a client does of its own costs cents; beside it
// dollars are spent, and held, by a model of which a token costs one. It ends with its scope.
import { EventEmitter, once } from "node:events";
import { z } from "zod";
import { createDatabase } from "../support/database.ts";
import { registerProvider, setPrices } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { createBudget, readBudgetUsage, type BudgetInput, type QuotaScope } from "../support/quota-operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { startScriptedModel, type ModelPlace, type ScriptedModel } from "./scripted-model.ts";
import { startTap, type Tap } from "./tap.ts";

export interface BudgetGate extends AsyncDisposable {
  readonly mock: ScriptedModel;
  newSpender(...budgets: readonly BudgetSetting[]): Promise<Spender>;
}

export interface BudgetSetting {
  readonly of: "key" | "team";
  readonly usd: number;
  readonly period?: BudgetInput["period"];
  readonly allow?: BudgetInput["allow"];
}

export interface Spender extends AsyncDisposable {
  at(path: string): ModelPlace;
  /** What its client asked. */
  readonly tap: Tap;
  /** How many turns the model took for it. */
  turns(): number;
  /** When its first budget resets, in seconds; undefined: never. */
  resetSeconds(): Promise<number | undefined>;
  spend(usd: number): Promise<void>;
  /** By a call that is under way until what `ask` does was refused once, and then has cost nothing. */
  holdUntilRefused<T>(usd: number, ask: () => Promise<T>): Promise<T>;
}

const dollarModel = "dollars";

export async function openBudgetGate(): Promise<BudgetGate> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await createDatabase("budget gate"));
  const mock = opened.use(await startScriptedModel(() => ({ say: "done" })));
  mock.nameReply("spend", ({ outputTokensMax: outputTokens = 0 }) => ({ usage: { inputTokens: 0, outputTokens } }));
  const stack = opened.use(await startStack({ databaseUrl: database.url }));
  const credentials = [{ name: "first", value: "sk-of-a-test" }];
  await registerProvider(stack.admin, { name: "claude", kind: "ANTHROPIC", baseUrl: mock.url, credentials });
  await registerProvider(stack.admin, { name: "gpt", kind: "OPENAI", baseUrl: `${mock.url}/v1`, credentials });
  const dollars = { provider: "claude", model: dollarModel, inputPerMillion: "0", outputPerMillion: "1000000" };
  await setPrices(stack.admin, [dollars]);
  let spenders = 0;
  const kept = opened.move();
  return {
    mock,
    newSpender: (...budgets) => newSpender(stack, mock, `spender-${(spenders += 1)}`, budgets),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function newSpender(
  { admin, proxy }: Stack,
  mock: ScriptedModel,
  name: string,
  budgets: readonly BudgetSetting[],
): Promise<Spender> {
  const { id: teamId } = await createTeam(admin, name);
  const { id: keyId, secret } = await issueKey(admin, { name, teamId, models: ["*/*"] });
  const scopes: Readonly<Record<BudgetSetting["of"], QuotaScope>> = { key: { keyId }, team: { teamId } };
  const ids: string[] = [];
  for (const [at, { of, usd, period = "MONTH", allow = [] }] of budgets.entries()) {
    const input = { name: `${name}-${at}`, scope: scopes[of], limit: String(usd), period, allow };
    ids.push((await createBudget(admin, input)).id);
  }
  const { url } = proxy();
  const usageOfFirst = () => readBudgetUsage(admin, ids[0] ?? "");
  const askFor = (reply: string, usd: number) => askForDollars(url, secret, reply, usd);
  await untilKnown(url, secret, ids.length);
  const tap = await startTap(url);
  const turnsBefore = mock.situations.length;
  return {
    at: (path) => ({ mock, url: tap.url + path, key: secret }),
    tap,
    turns: () => mock.situations.length - turnsBefore,
    async resetSeconds() {
      const ends = (await usageOfFirst())?.periodEnds ?? undefined;
      return ends === undefined ? undefined : Date.parse(ends) / 1_000;
    },
    spend: (usd) => askFor("spend", usd),
    async holdUntilRefused(usd, ask) {
      const answered = new EventEmitter();
      mock.nameReply(name, async () => {
        await once(answered, "now");
        return { usage: { inputTokens: 0, outputTokens: 0 } };
      });
      const holding = askFor(name, usd);
      // Thrown where it is let go.
      holding.catch(() => undefined);
      await until(async () => (await usageOfFirst())?.reserved === String(usd), { what: `$${usd} to be held` });
      const asking = ask();
      await until(() => tap.seen.some(({ status }) => status === 429), { what: "a call that is refused" });
      answered.emit("now");
      await holding;
      return asking;
    },
    [Symbol.asyncDispose]: () => tap[Symbol.asyncDispose](),
  };
}

async function askForDollars(url: string, secret: string, reply: string, usd: number): Promise<void> {
  const response = await fetch(`${url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({
      ...{ model: `claude/${dollarModel}`, max_tokens: usd },
      messages: [{ role: "user", content: `[[reply:${reply}]]` }],
    }),
  });
  if (!response.ok) throw new Error(`$${usd} were refused: ${await response.text()}`);
}

const usage = z.object({ limits: z.array(z.unknown()) });

/** Whoever knows a budget knows the key, the providers and the prices, too: they were there before. */
async function untilKnown(url: string, secret: string, budgets: number): Promise<void> {
  const isKnown = async (): Promise<boolean> => {
    const response = await fetch(`${url}/anthropic/api/oauth/usage`, { headers: { "x-api-key": secret } });
    return usage.parse(await response.json()).limits.length === budgets;
  };
  await until(isKnown, { what: `${budgets} budgets to be known` });
}
