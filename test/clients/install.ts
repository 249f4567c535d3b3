// Which real clients there are, and where their programs lie once they are installed. They are no dependencies of the
// workspace: together they weigh 900 MB, and only the tests that drive them want them. The first suite that asks installs
// them (npm-packages.ts). Claude Code and Codex are native programs in packages of their own for each platform, which
// their npm launchers would copy or look for by an install script; here they are named directly and no script runs.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Availability } from "../support/real-part.ts";
import { npmPackages } from "../support/npm-packages.ts";

/** A program and the arguments that come before one's own. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

export type ClientName = "claude-code" | "codex" | "inspector" | "mcp-remote";

/** For `describeWith`: installs on the way. */
export async function clientsAvailability(): Promise<Availability> {
  const packages = await npmPackages(import.meta.dirname);
  if ("missing" in packages) return { available: false, reason: packages.missing };
  for (const [name, find] of Object.entries(programs)) {
    const { command, args } = find(packages.folder);
    const lacking = [command, ...args].find((path) => !existsSync(path));
    if (lacking !== undefined) return { available: false, reason: `${name} has no program for this platform` };
  }
  return { available: true };
}

export async function programOf(name: ClientName): Promise<Program> {
  const packages = await npmPackages(import.meta.dirname);
  if ("missing" in packages) throw new Error(packages.missing);
  return programs[name](packages.folder);
}

const platform = `${process.platform}-${process.arch}`;

const programs = {
  "claude-code": (folder) =>
    native(join(folder, "node_modules", `@anthropic-ai/claude-code-${platform}${libc()}`, "claude")),
  codex: (folder) => {
    const triple = codexTriples[platform] ?? "unknown";
    return native(join(folder, "node_modules", `@openai/codex-${platform}`, "vendor", triple, "bin", "codex"));
  },
  inspector: (folder) => script(folder, "@modelcontextprotocol/inspector", "mcp-inspector"),
  "mcp-remote": (folder) => script(folder, "mcp-remote", "mcp-remote"),
} satisfies Record<ClientName, (folder: string) => Program>;

/** Rust's names of the platforms, after which Codex names its folders. */
const codexTriples: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64-unknown-linux-musl",
  "linux-arm64": "aarch64-unknown-linux-musl",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
};

/** Claude Code has programs of their own for the Linuxes without glibc. */
function libc(): "" | "-musl" {
  return process.platform === "linux" && existsSync("/etc/alpine-release") ? "-musl" : "";
}

function native(path: string): Program {
  return { command: path, args: [] };
}

/** The Node that runs the tests, and not whichever `node` is first on the path. */
function script(folder: string, name: string, bin: string): Program {
  const home = join(folder, "node_modules", name);
  const manifest: unknown = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  return { command: process.execPath, args: [join(home, binOf(manifest, bin))] };
}

function binOf(manifest: unknown, bin: string): string {
  if (typeof manifest === "object" && manifest !== null && "bin" in manifest) {
    const entries = Object.entries(manifest.bin ?? {});
    const entry = entries.find(([name]) => name === bin);
    if (typeof entry?.[1] === "string") return entry[1];
  }
  throw new Error(`a package has no program named ${bin}`);
}
