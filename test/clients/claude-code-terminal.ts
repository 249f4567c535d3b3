// Claude Code as a person has it before himself: in a terminal, until its scope ends. The terminal is made by `script`, which every
// Linux has; what stands on its screen, terminal-screen.ts knows. As headless, it knows a mock of its model and nothing else of
// the world. It judges nothing.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startProcess } from "../support/processes.ts";
import type { Availability } from "../support/real-part.ts";
import { claudeCodeEnvironment } from "./claude-code.ts";
import { clientsAvailability, programOf } from "./install.ts";
import type { ModelPlace } from "./scripted-model.ts";
import { TerminalScreen } from "./terminal-screen.ts";

export interface ClaudeCodeTerminal extends AsyncDisposable {
  /** What stands there now, line by line. */
  screen(): string;
  type(keys: string): void;
}

export interface TerminalRun {
  readonly model: ModelPlace;
  /** What it begins with. */
  readonly prompt: string;
  readonly env?: Readonly<Record<string, string>>;
}

const columns = 160;
const rows = 50;
const endMsMax = 10_000;

/** For `describeWith`: installs on the way. */
export async function terminalAvailability(): Promise<Availability> {
  const clients = await clientsAvailability();
  if (!clients.available) return clients;
  try {
    const { stdout } = await promisify(execFile)("script", ["--version"]);
    if (stdout.includes("util-linux")) return { available: true };
  } catch {
    // It is not there, or another one that does not know the question.
  }
  return { available: false, reason: "there is no `script` of util-linux, which makes a terminal" };
}

export async function openClaudeCodeTerminal(run: TerminalRun): Promise<ClaudeCodeTerminal> {
  const { model, prompt, env = {} } = run;
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "tollgate-claude-code-"));
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const work = join(folder, "work");
  for (const name of ["work", "config", "scratch"]) await mkdir(join(folder, name));
  await writeFile(join(folder, "config", ".claude.json"), JSON.stringify(asBeforeIn(work)));
  const { command } = await programOf("claude-code");
  const screen = new TerminalScreen(columns, rows);
  const running = await startProcess({
    name: "Claude Code in a terminal",
    command: "script",
    args: ["-qefc", `stty cols ${columns} rows ${rows}; exec '${command}' "$PROMPT"`, "/dev/null"],
    env: {
      ...claudeCodeEnvironment(
        folder,
        model.mock,
        { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_AUTH_TOKEN: model.key },
        { env },
      ),
      ...{ TERM: "xterm-256color", PROMPT: prompt },
    },
    cwd: work,
    hasInput: true,
    onOutput: (text) => screen.draw(text),
  });
  opened.use(running);
  // Killed with its terminal it would go on for a moment, and write into the folder that is about to be removed.
  opened.defer(async () => {
    running.kill("SIGTERM");
    await running.waitForExit(endMsMax);
  });
  const kept = opened.move();
  return {
    screen: () => screen.lines().join("\n"),
    type: running.write,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Nothing to greet, to ask or to explain. */
function asBeforeIn(work: string): unknown {
  return {
    ...{ hasCompletedOnboarding: true, theme: "dark" },
    projects: { [work]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
}
