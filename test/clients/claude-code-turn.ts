// One turn of Claude Code through a gate, and what a person would miss of it: a tool that is not offered, a question that is not
// asked, an answer that does not come, a tool that was added and never shows up. A turn without a miss gives an empty list. The
// tests take one turn of each kind, the soak takes many; what happens in it is the same.
import { isDeepStrictEqual } from "node:util";
import { runClaudeCode, type ClaudeCodeReport, type ClaudeCodeRun } from "./claude-code.ts";
import { startFixtureServer, type Era } from "./fixture-server.ts";
import { openGateTo, type GateTo } from "./gate-to.ts";
import { call, inOrder, whenOffered, type Script } from "./script.ts";

export interface TurnSetting {
  readonly client: NonNullable<ClaudeCodeRun["era"]>;
  readonly server: Era;
}

export const turnSettings: readonly TurnSetting[] = (["legacy", "modern"] as const).flatMap((server) =>
  (["auto", "legacy"] as const).map((client) => ({ client, server })),
);

const accept = { name: "Ada" };
const name = (tool: string): string => `mcp__tollgate__${tool}`;
const callsMax = 40;
const waiting = "not yet";
const answers = ["echo: hi", "Hello, Ada", "there is a tool more", "I was added later"];

/** At the endpoint without prefixes, with one server. */
export async function missesOfTurn({ client, server }: TurnSetting): Promise<string[]> {
  await using upstream = await startFixtureServer(server);
  await using gate = await openGateTo({ fixture: upstream.url });
  const script = scriptOf([""]);
  const report = await runClaudeCode({ url: gate.plainUrl, headers: gate.headers, era: client, script, accept });
  return [...missesIn(report, [""]), ...strangeEras(gate, client)];
}

/** At the default endpoint, with servers of both eras in the same turn. */
export async function missesOfPrefixedTurn(client: TurnSetting["client"]): Promise<string[]> {
  await using legacy = await startFixtureServer("legacy");
  await using modern = await startFixtureServer("modern");
  await using gate = await openGateTo({ former: legacy.url, newer: modern.url });
  const prefixes = ["former__", "newer__"];
  const script = scriptOf(prefixes);
  const report = await runClaudeCode({ url: gate.url, headers: gate.headers, era: client, script, accept });
  return [...missesIn(report, prefixes), ...strangeEras(gate, client)];
}

function scriptOf(prefixes: readonly string[]): Script {
  const [first = ""] = prefixes;
  const calls = prefixes.flatMap((prefix) => [
    call(name(`${prefix}echo`), { text: "hi" }),
    call(name(`${prefix}ask_name`)),
    call(name(`${prefix}grow`)),
  ]);
  const grown = prefixes.map((prefix) => call(name(`${prefix}grown`)));
  return inOrder(calls, whenOffered(grown, call(name(`${first}echo`), { text: waiting }), callsMax));
}

function missesIn(report: ClaudeCodeReport, prefixes: readonly string[]): string[] {
  const misses: string[] = [];
  const compare = (what: string, seen: unknown, wanted: unknown): void => {
    if (!isDeepStrictEqual(seen, wanted)) misses.push(`${what}: ${JSON.stringify(seen)}`);
  };
  const offer = (tools: readonly string[]) => prefixes.flatMap((prefix) => tools.map((tool) => name(prefix + tool)));
  const each = (text: string) => prefixes.map(() => text);
  const said = (text: string) => report.outcomes.filter((outcome) => outcome.text === text).map(() => text);
  compare("exit code", report.exitCode, 0);
  compare("server status", report.serverStatus, "connected");
  compare("tools at first", report.offered[0], offer(["ask_name", "echo", "grow"]));
  compare("tools in the end", report.offered.at(-1), offer(["ask_name", "echo", "grow", "grown"]));
  for (const text of answers) compare(text, said(text), each(text));
  const known = new Set([...answers, `echo: ${waiting}`]);
  compare("other answers", report.outcomes.filter(({ text }) => !known.has(text)).length, 0);
  compare("questions", report.asked.map(messageOf), each("What is your name?"));
  compare("end", report.result, "done");
  if (misses.length === 0) return [];
  const told = report.outcomes.map(({ tool, text }) => `${tool}: ${text}`).join("\n");
  return [...misses, `of a conversation with:\n${told}\n${report.stderr}`];
}

/** What it does in the era that it was not meant to be in proves nothing of the other one. */
function strangeEras(gate: GateTo, client: TurnSetting["client"]): string[] {
  const wanted = client === "auto" ? "modern" : "legacy";
  return [...gate.eras()].filter((era) => era !== wanted).map((era) => `it called in the ${era} era`);
}

function messageOf(question: unknown): unknown {
  return typeof question === "object" && question !== null && "message" in question ? question.message : undefined;
}
