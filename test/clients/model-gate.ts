// A gate in this process between a real client and the mock of its model, with a tap on the client's side. Behind it the mock is
// the provider `claude` in Anthropic's protocol and `gpt` in OpenAI's; before it is one key, or none any more. The same gate
// shows the MCP servers that are given, as they call their tools, so that a client has both from one place. It ends with its scope.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ProviderKind, ToolNaming } from "@tollgate/schema/resources";
import type { ModelCallCompletedSchema, ToolCallCompletedSchema } from "@tollgate/schema/usage";
import { group, key, server, startGate, team, viewWith } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { alias, provider, secretOf } from "../../data-plane/proxy/src/fixtures/model-fixture.ts";
import type { RunningGate } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { changesIn, relayedIn, type Sides } from "./changes.ts";
import { startScriptedModel, type ModelPlace, type ScriptedModel } from "./scripted-model.ts";
import { inOrder, type Script } from "./script.ts";
import { headerIn, startTap, type Tap } from "./tap.ts";

export type ModelFact = MessageInitShape<typeof ModelCallCompletedSchema>;
export type ToolFact = MessageInitShape<typeof ToolCallCompletedSchema>;

export interface ModelGate extends AsyncDisposable {
  /** Of the tap before the gate, with no path. */
  readonly url: string;
  readonly key: string;
  readonly keyId: string;
  readonly mock: ScriptedModel;
  readonly tap: Tap;
  readonly gate: RunningGate;
  /** Of the endpoint that shows the servers' tools. */
  readonly mcp: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  at(path: string): ModelPlace;
  /** What was changed of what went through below a path, but for the models that are given; see changes.ts. */
  changes(path: string, models?: Readonly<Record<string, string>>): string[];
  modelFacts(): ModelFact[];
  toolFacts(): ToolFact[];
  /** The codes of what was refused. */
  refusals(): string[];
  /** From now on nobody knows the key. */
  revoke(): void;
}

export interface ModelGateSetting {
  readonly script?: Script;
  readonly servers?: Readonly<Record<string, string>>;
  /** What the key reaches. */
  readonly models?: readonly string[];
  /** Alias to `claude`'s or `gpt`'s model, as `provider/model`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Which models each provider serves, for lists; all others are unknown to it. */
  readonly served?: { readonly claude?: readonly string[]; readonly gpt?: readonly string[] };
}

/** The key that the mock sees from the gate. */
export const providerKeys = { claude: secretOf("claude", "first"), gpt: secretOf("gpt", "first") };

export async function openModelGate(setting: ModelGateSetting = {}): Promise<ModelGate> {
  const { script = inOrder([]), servers = {}, models = ["*", "*/*"], aliases = {}, served = {} } = setting;
  await using opened = new AsyncDisposableStack();
  const mock = opened.use(await startScriptedModel(script));
  const agent = key(["*/*"], { models: [...models] });
  const claude = provider("claude", mock.url, { models: [...(served.claude ?? [])], timeoutSeconds });
  const gpt = provider("gpt", `${mock.url}/v1`, {
    ...{ kind: ProviderKind.OPENAI, models: [...(served.gpt ?? [])], timeoutSeconds },
  });
  const providers = { claude, gpt };
  const behind = Object.entries(servers).map(([name, url]) => server(name, url));
  const rest = [
    team(),
    group("plain", { naming: ToolNaming.NONE }),
    ...[claude, gpt].flatMap(({ resources }) => resources),
    ...Object.entries(aliases).map(([name, target]) => alias(name, [targetOf(target, providers)])),
    ...behind,
  ];
  const gate = await startGate(viewWith([...rest, agent.resource]));
  opened.defer(() => gate.stop());
  gate.secrets([...claude.secretValues, ...gpt.secretValues]);
  const tap = opened.use(await startTap(gate.url));
  const kept = opened.move();
  return {
    ...{ url: tap.url, key: agent.text, keyId: agent.id, mock, tap, gate },
    mcp: { url: `${gate.url}/mcp/plain`, headers: { "x-tollgate-key": agent.text } },
    at: (path) => ({ mock, url: tap.url + path, key: agent.text }),
    changes: (path, models) => changesAt({ tap, mock }, path, models),
    modelFacts: () => gate.facts.flatMap(({ kind }) => (kind.case === "modelCallCompleted" ? [kind.value] : [])),
    toolFacts: () => gate.facts.flatMap(({ kind }) => (kind.case === "toolCallCompleted" ? [kind.value] : [])),
    refusals: () => gate.facts.flatMap(({ kind }) => (kind.case === "callRefused" ? [kind.value.code ?? ""] : [])),
    revoke: () => gate.show(viewWith(rest, 2n)),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const timeoutSeconds = 60;

function changesAt(sides: Sides, path: string, models: Readonly<Record<string, string>> = {}): string[] {
  const relayed = relayedIn(sides).filter(({ tapped }) => tapped.target.startsWith(path));
  if (relayed.length === 0) throw new Error(`nothing went through ${path}`);
  return relayed.flatMap(({ tapped, exchange }) => {
    const isAnthropic = headerIn(tapped.rawHeaders, "anthropic-version") !== undefined;
    const providerKey = isAnthropic ? providerKeys.claude : providerKeys.gpt;
    const before = path.replace(/\/v1$/, "");
    return changesIn([{ tapped, exchange }], { path: before, providerKey, models });
  });
}

function targetOf(text: string, providers: Readonly<Record<string, { id?: string }>>) {
  const slash = text.indexOf("/");
  const { id: providerId = "" } = providers[text.slice(0, slash)] ?? {};
  return { providerId, model: text.slice(slash + 1) };
}
