// Drives Claude Code headless and offline: the real program, a mock of its model, which may stand behind a gate, and one MCP
// server by URL, if any. Its home, its configuration and its folder are temporary, updates and telemetry are off, and whatever
// else it wants of the world ends at the mock, which says so in `outside`. What comes back is what the model was offered and told, which is all that a person
// would notice of a gate. It judges nothing.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { finishProgram, jsonLines, type FinishedProgram } from "./finished-program.ts";
import { programOf } from "./install.ts";
import type { Script, ToolOutcome } from "./script.ts";
import { startScriptedModel, type ModelPlace, type ScriptedModel } from "./scripted-model.ts";

export type ClaudeCodeRun = Errand & (AtItsOwnModel | AtModel);

interface AtItsOwnModel {
  readonly script: Script;
}

interface AtModel {
  /** With a script of its own. It stays for whoever gave it. */
  readonly model: ModelPlace;
  /** The variable that carries the key; the first, which is the default, makes it a bearer token. */
  readonly keyAs?: "ANTHROPIC_AUTH_TOKEN" | "ANTHROPIC_API_KEY";
}

interface Errand {
  /** The MCP server's. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly prompt?: string;
  /** That it may use without asking, beside the server's. */
  readonly tools?: readonly string[];
  readonly args?: readonly string[];
  /** Names the server to Claude Code; its tools are `mcp__<name>__<tool>`. */
  readonly serverName?: string;
  /** What a hook accepts each question of a server with. Without it Claude Code answers `cancel`. */
  readonly accept?: Readonly<Record<string, unknown>>;
  /** Absent: as it comes, which tries the modern era first. */
  readonly era?: "legacy" | "auto";
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface ClaudeCodeReport {
  readonly exitCode: number | null;
  /** The names of the server's tools, for each request to the model. */
  readonly offered: readonly (readonly string[])[];
  readonly outcomes: readonly ToolOutcome[];
  /** How Claude Code says the server is: `connected`, `failed`, `needs-auth`, `pending`. */
  readonly serverStatus: string;
  /** What the hook was given, for each question. */
  readonly asked: readonly unknown[];
  readonly sessionId: string;
  /** What it keeps of a gateway's list of models. */
  readonly discovered: readonly string[];
  readonly result: string;
  /** What it prints as `stream-json`. */
  readonly events: readonly unknown[];
  readonly outside: readonly string[];
  readonly stderr: string;
}

const runMsMax = 60_000;
const answerFile = "answer.json";
const askedFile = "asked.jsonl";
const scratch = "scratch";

export async function runClaudeCode(run: ClaudeCodeRun): Promise<ClaudeCodeReport> {
  if ("model" in run) return runAt(run.model, run.keyAs ?? "ANTHROPIC_AUTH_TOKEN", run);
  await using mock = await startScriptedModel(run.script);
  // Only the mock sees the key.
  // Awaited here, as the mock ends with this scope.
  return await runAt({ mock, url: mock.url, key: "sk-ant-of-nobody" }, "ANTHROPIC_API_KEY", run);
}

async function runAt(place: ModelPlace, keyAs: NonNullable<AtModel["keyAs"]>, run: Errand): Promise<ClaudeCodeReport> {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-claude-code-"));
  const { mock } = place;
  try {
    await writeFile(join(folder, askedFile), "");
    const env = claudeCodeEnvironment(folder, mock, { ANTHROPIC_BASE_URL: place.url, [keyAs]: place.key }, run);
    const { exitCode, stdout, stderr } = await start(run, env, folder);
    const events = jsonLines(stdout);
    const { serverName = defaultName } = run;
    const prefix = `mcp__${serverName}__`;
    return {
      exitCode,
      offered: mock.situations.map(({ tools }) =>
        tools.map(({ name }) => name).filter((name) => name.startsWith(prefix)),
      ),
      outcomes: mock.situations.at(-1)?.outcomes ?? [],
      serverStatus: statusIn(events, serverName),
      asked: jsonLines(await readFile(join(folder, askedFile), "utf8")),
      sessionId: sessionIn(events),
      discovered: await discoveredIn(folder),
      result: resultIn(events),
      events,
      outside: mock.outside,
      stderr,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const defaultName = "tollgate";
const promptDefault = "Do what the script says.";

async function start(run: Errand, env: Record<string, string>, folder: string): Promise<FinishedProgram> {
  const { url, headers = {}, serverName = defaultName, accept, prompt = promptDefault, timeoutMs = runMsMax } = run;
  const { tools = [], args = [] } = run;
  const program = await programOf("claude-code");
  const servers = { mcpServers: url === undefined ? {} : { [serverName]: { type: "http", url, headers } } };
  for (const name of ["work", scratch]) await mkdir(join(folder, name));
  await writeFile(join(folder, "mcp.json"), JSON.stringify(servers));
  await writeFile(join(folder, "settings.json"), JSON.stringify(await settings(folder, accept)));
  return finishProgram({
    name: "Claude Code",
    program,
    args: [
      ...["-p", prompt, "--output-format", "stream-json", "--verbose"],
      ...["--mcp-config", join(folder, "mcp.json"), "--strict-mcp-config"],
      ...["--settings", join(folder, "settings.json"), "--allowedTools", [`mcp__${serverName}__*`, ...tools].join(",")],
      ...args,
    ],
    env,
    cwd: join(folder, "work"),
    timeoutMs,
  });
}

/** Of one that knows nothing of this machine but a folder with one of these names below it: `config`, `scratch`. */
export function claudeCodeEnvironment(
  folder: string,
  { url: elsewhere }: ScriptedModel,
  model: Record<string, string>,
  { era, env = {} }: Pick<Errand, "era" | "env">,
): Record<string, string> {
  return {
    HOME: folder,
    CLAUDE_CONFIG_DIR: join(folder, "config"),
    // Sockets and scratch files would be left behind in the system's folder.
    CLAUDE_CODE_TMPDIR: join(folder, scratch),
    TMPDIR: join(folder, scratch),
    XDG_RUNTIME_DIR: join(folder, scratch),
    ...model,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_ERROR_REPORTING: "1",
    // Else it keeps the tools of MCP servers from its model until that searches for them, and a script would have to.
    ENABLE_TOOL_SEARCH: "false",
    HTTP_PROXY: elsewhere,
    HTTPS_PROXY: elsewhere,
    NO_PROXY: "127.0.0.1,localhost",
    ...(era === undefined ? {} : { MCP_PROTOCOL_NEGOTIATION: era }),
    ...env,
  };
}

async function settings(folder: string, accept: Errand["accept"]): Promise<unknown> {
  if (accept === undefined) return {};
  const answer = { hookSpecificOutput: { hookEventName: "Elicitation", action: "accept", content: accept } };
  await writeFile(join(folder, answerFile), JSON.stringify(answer));
  const command = `cat >> '${join(folder, askedFile)}'; echo >> '${join(folder, askedFile)}'; cat '${join(folder, answerFile)}'`;
  return { hooks: { Elicitation: [{ matcher: "", hooks: [{ type: "command", command }] }] } };
}

const discovered = z.object({ models: z.array(z.object({ id: z.string() })) });

async function discoveredIn(folder: string): Promise<string[]> {
  const file = join(folder, "config", "cache", "gateway-models.json");
  if (!existsSync(file)) return [];
  return discovered.parse(JSON.parse(await readFile(file, "utf8"))).models.map(({ id }) => id);
}

const initEvent = z.object({
  type: z.literal("system"),
  subtype: z.literal("init"),
  session_id: z.string(),
  mcp_servers: z.array(z.object({ name: z.string(), status: z.string() })),
});

function statusIn(events: readonly unknown[], serverName: string): string {
  const servers = events.flatMap((event) => initEvent.safeParse(event).data?.mcp_servers ?? []);
  return servers.find(({ name }) => name === serverName)?.status ?? "not mentioned";
}

function sessionIn(events: readonly unknown[]): string {
  return events.flatMap((event) => initEvent.safeParse(event).data?.session_id ?? []).at(0) ?? "";
}

const resultEvent = z.object({ type: z.literal("result"), result: z.string() });

function resultIn(events: readonly unknown[]): string {
  return events.flatMap((event) => resultEvent.safeParse(event).data?.result ?? []).at(-1) ?? "";
}
