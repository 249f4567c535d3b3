// Drives Codex headless (`codex exec`) and offline: the real program, a mock of its model, which may stand behind a gate, one
// MCP server by URL. Its home and its folder are temporary, and whatever else it wants of the world ends at the mock, which says
// so in `outside`. Codex speaks the legacy era; what it says when asked by a server is `decline`, for which there is no hook.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { finishProgram, jsonLines, type FinishedProgram } from "./finished-program.ts";
import { programOf } from "./install.ts";
import type { Script, ToolOutcome } from "./script.ts";
import { startScriptedModel, type ModelPlace } from "./scripted-model.ts";

export type CodexRun = Errand & ({ readonly script: Script } | { readonly model: ModelPlace });

interface Errand {
  /** The MCP server's. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `Authorization: Bearer`; Codex reads it from its environment. */
  readonly bearer?: string;
  /** Names the server to Codex; its tools are `mcp__<name>__<tool>`. */
  readonly serverName?: string;
  /**
   * The default; then Codex waits for the server and ends without it. Else the first request to its model goes out after a
   * second, with the tools that have come until then.
   */
  readonly isRequired?: boolean;
  /** False: its model is not offered to search the web, which its provider would do. */
  readonly searchesWeb?: boolean;
  /** Of Codex's own switches, such as `mcp_2026_07_28`. */
  readonly features?: Readonly<Record<string, boolean>>;
  readonly timeoutMs?: number;
}

export interface CodexReport {
  readonly exitCode: number | null;
  /** The names of the server's tools, for each request to the model. */
  readonly offered: readonly (readonly string[])[];
  readonly outcomes: readonly ToolOutcome[];
  readonly result: string;
  /** What it prints with `--json`. */
  readonly events: readonly unknown[];
  readonly outside: readonly string[];
  readonly stderr: string;
}

const runMsMax = 60_000;
const defaultName = "tollgate";
const bearerVariable = "TOLLGATE_KEY";

export async function runCodex(run: CodexRun): Promise<CodexReport> {
  if ("model" in run) return runAt(run.model, run);
  await using mock = await startScriptedModel(run.script);
  // Awaited here, as the mock ends with this scope.
  return await runAt({ mock, url: `${mock.url}/v1`, key: "of nobody" }, run);
}

async function runAt(place: ModelPlace, run: Errand): Promise<CodexReport> {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-codex-"));
  const { mock } = place;
  try {
    const { exitCode, stdout, stderr } = await start(run, place, folder);
    const events = jsonLines(stdout);
    const prefix = `mcp__${run.serverName ?? defaultName}__`;
    return {
      exitCode,
      offered: mock.situations.map(({ tools }) =>
        tools.map(({ name }) => name).filter((name) => name.startsWith(prefix)),
      ),
      outcomes: mock.situations.at(-1)?.outcomes ?? [],
      result: events.flatMap((event) => said.safeParse(event).data?.item.text ?? []).at(-1) ?? "",
      events,
      outside: mock.outside,
      stderr,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const said = z.looseObject({
  type: z.literal("item.completed"),
  item: z.looseObject({ type: z.literal("agent_message"), text: z.string() }),
});

async function start(run: Errand, place: ModelPlace, folder: string): Promise<FinishedProgram> {
  const program = await programOf("codex");
  await mkdir(join(folder, "work"));
  await mkdir(join(folder, "codex"));
  await writeFile(join(folder, "codex", "config.toml"), configuration(run, place));
  return finishProgram({
    name: "Codex",
    program,
    args: [
      ...["exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only", "--cd", join(folder, "work")],
      "Do what the script says.",
    ],
    env: {
      HOME: folder,
      CODEX_HOME: join(folder, "codex"),
      MODEL_KEY: place.key,
      ...(run.bearer === undefined ? {} : { [bearerVariable]: run.bearer }),
      HTTP_PROXY: place.mock.url,
      HTTPS_PROXY: place.mock.url,
      NO_PROXY: "127.0.0.1,localhost",
    },
    cwd: join(folder, "work"),
    timeoutMs: run.timeoutMs ?? runMsMax,
  });
}

/** TOML takes JSON's strings as they are, and a table in a line for each level. */
function configuration(run: Errand, { url: modelUrl }: ModelPlace): string {
  const { url, headers = {}, bearer, serverName = defaultName, isRequired = true, features = {} } = run;
  const { searchesWeb = true } = run;
  // Plugins and apps are fetched from the provider at every start.
  const switches = { apps: false, plugins: false, ...features };
  const text = JSON.stringify;
  return [
    'model = "gpt-5"',
    'model_provider = "mock"',
    "check_for_update_on_startup = false",
    ...(searchesWeb ? [] : ['web_search = "disabled"']),
    "[analytics]",
    "enabled = false",
    "[features]",
    ...Object.entries(switches).map(([name, isOn]) => `${name} = ${isOn}`),
    "[model_providers.mock]",
    'name = "mock"',
    `base_url = ${text(modelUrl)}`,
    'wire_api = "responses"',
    'env_key = "MODEL_KEY"',
    `[mcp_servers.${serverName}]`,
    `url = ${text(url)}`,
    `required = ${isRequired}`,
    // Else a call waits for a person, who is not there, and is refused.
    'default_tools_approval_mode = "approve"',
    ...(bearer === undefined ? [] : [`bearer_token_env_var = ${text(bearerVariable)}`]),
    `[mcp_servers.${serverName}.http_headers]`,
    ...Object.entries(headers).map(([name, value]) => `${text(name)} = ${text(value)}`),
    "",
  ].join("\n");
}
