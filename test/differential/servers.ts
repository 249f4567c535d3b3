// Real MCP servers from npm, as people run them: how each is started, what it needs in its folder, which calls are safe
// without a network and give the same answer each time, and what varies all the same, with the reason. A server whose calls
// all need a browser or a network is here for its lists alone. Versions are pinned by package.json beside this file.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { testEnvironment } from "../support/environment.ts";
import type { ToolCall } from "./observe.ts";

export interface RealServer {
  readonly name: string;
  readonly package: string;
  /** Where a package has several programs. */
  readonly bin?: string;
  /** Of the server on stdio, which runs in `folder`. */
  readonly args?: (folder: string) => readonly string[];
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
  /** Of those that can serve Streamable HTTP, at `/mcp` of the port. */
  readonly http?: {
    /** Where the server checks by which name it is reached. */
    readonly host?: "localhost";
    /** It speaks 2026-07-28 as well, over HTTP. */
    readonly isModern?: true;
    readonly args?: (port: number, folder: string) => readonly string[];
    readonly env?: (port: number, folder: string) => Readonly<Record<string, string>>;
  };
  /** Fills the empty folder. */
  readonly prepare?: (folder: string) => Promise<void>;
  readonly calls: (folder: string) => readonly ToolCall[];
  /** For its prompts, by the arguments' names. */
  readonly promptArguments?: Readonly<Record<string, string>>;
  /** Resources that its list does not name. */
  readonly uris?: readonly string[];
  /** It shows more to clients that can do these. */
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** What the gate shows to clients that cannot do them, too: its lists are one for all, and a call says what is lacking. */
  readonly shownToAll?: readonly string[];
  /** It remembers its client from one call to the next, or asks him: each session needs one of its own. */
  readonly hasSessions?: boolean;
  readonly varies: readonly Variation[];
}

/** A part of an answer that differs from run to run; it is replaced before a comparison. */
export interface Variation {
  readonly what: string;
  readonly pattern: RegExp;
}

const call = (tool: string, args: Readonly<Record<string, unknown>> = {}): ToolCall => ({ tool, arguments: args });

export const everything: RealServer = {
  name: "everything",
  package: "@modelcontextprotocol/server-everything",
  http: { args: () => ["streamableHttp"], env: (port) => ({ PORT: String(port) }) },
  calls: () => [
    call("echo", { message: "grüße \u2028 \ud83d\ude00" }),
    call("get-sum", { a: 0.1, b: 1e21 }),
    call("get-structured-content", { location: "Chicago" }),
    call("get-annotated-message", { messageType: "error", includeImage: true }),
    call("get-resource-links", { count: 3 }),
    call("get-tiny-image"),
    // Refused by its schema, and unknown.
    call("get-sum", { a: "one", b: 2 }),
    call("no-such-tool"),
  ],
  promptArguments: { city: "Bern", department: "Engineering", name: "Ada", resourceType: "Text", resourceId: "1" },
  uris: ["demo://resource/dynamic/text/1", "demo://resource/dynamic/blob/2", "demo://nothing"],
  capabilities: { elicitation: { form: {}, url: {} }, roots: {}, sampling: {} },
  shownToAll: [
    ...["get-roots-list", "trigger-elicitation-request", "trigger-url-elicitation"],
    "trigger-sampling-request",
  ],
  hasSessions: true,
  varies: [
    { what: "the time of day", pattern: /\d\d?:\d\d:\d\d [AP]M/g },
    // The same in base64.
    { what: "a blob that tells the time", pattern: /(?<="blob":")UmVzb3VyY2UgMj[^"]+/g },
  ],
};

const filesystem: RealServer = {
  name: "filesystem",
  package: "@modelcontextprotocol/server-filesystem",
  args: (folder) => [folder],
  async prepare(folder) {
    await writeFile(join(folder, "a.txt"), "one\ntwo\n");
    await writeFile(join(folder, "b.bin"), Buffer.from([0, 255, 1, 254]));
  },
  calls: (folder) => [
    call("list_allowed_directories"),
    call("list_directory", { path: folder }),
    call("read_text_file", { path: join(folder, "a.txt"), head: 1 }),
    call("read_media_file", { path: join(folder, "b.bin") }),
    call("edit_file", { path: join(folder, "a.txt"), edits: [{ oldText: "two", newText: "2" }], dryRun: true }),
    call("read_text_file", { path: "/etc/hostname" }),
  ],
  varies: [],
};

const memory: RealServer = {
  name: "memory",
  package: "@modelcontextprotocol/server-memory",
  env: (folder) => ({ MEMORY_FILE_PATH: join(folder, "memory.jsonl") }),
  calls: () => [
    call("create_entities", { entities: [{ name: "Ada", entityType: "person", observations: ["wrote a program"] }] }),
    call("create_relations", { relations: [{ from: "Ada", to: "Ada", relationType: "knows" }] }),
    call("search_nodes", { query: "program" }),
    call("read_graph"),
  ],
  varies: [],
};

const thinking: RealServer = {
  name: "sequential-thinking",
  package: "@modelcontextprotocol/server-sequential-thinking",
  env: () => ({ DISABLE_THOUGHT_LOGGING: "true" }),
  calls: () => [
    call("sequentialthinking", { thought: "first", nextThoughtNeeded: true, thoughtNumber: 1, totalThoughts: 2 }),
    call("sequentialthinking", { thought: "second", nextThoughtNeeded: false, thoughtNumber: 2, totalThoughts: 2 }),
    call("sequentialthinking", { thought: "no number" }),
  ],
  hasSessions: true,
  varies: [],
};

const git: RealServer = {
  name: "git",
  package: "@cyanheads/git-mcp-server",
  env: (folder) => ({ MCP_LOG_LEVEL: "error", LOGS_DIR: join(folder, "logs") }),
  http: {
    env: (port, folder) => ({
      ...{ MCP_TRANSPORT_TYPE: "http", MCP_HTTP_PORT: String(port), MCP_HTTP_HOST: "127.0.0.1" },
      ...{ MCP_LOG_LEVEL: "error", LOGS_DIR: join(folder, "logs") },
    }),
  },
  prepare: makeRepository,
  calls: (folder) => [
    call("git_set_working_dir", { path: join(folder, "repository") }),
    call("git_log", { path: join(folder, "repository") }),
    call("git_status", { path: join(folder, "repository") }),
    call("git_diff", { path: join(folder, "repository") }),
    call("git_branch", { path: join(folder, "repository"), mode: "list" }),
    call("git_log", { path: join(folder, "nowhere") }),
  ],
  promptArguments: { changelogPath: "CHANGES.md", createTag: "true" },
  hasSessions: true,
  varies: [],
};

const pdf: RealServer = {
  name: "pdf",
  package: "@modelcontextprotocol/server-pdf",
  args: (folder) => ["--stdio", join(folder, "a.pdf")],
  http: { args: (_port, folder) => [join(folder, "a.pdf")], env: (port) => ({ PORT: String(port) }) },
  prepare: (folder) => writeFile(join(folder, "a.pdf"), smallPdf),
  calls: (folder) => [
    call("list_pdfs"),
    call("read_pdf_bytes", { url: join(folder, "a.pdf"), offset: 5, byteCount: 20 }),
    call("read_pdf_bytes", { url: join(folder, "b.pdf") }),
  ],
  varies: [],
};

const playwright: RealServer = {
  name: "playwright",
  package: "@playwright/mcp",
  args: () => ["--headless", "--isolated"],
  http: { host: "localhost", args: (port) => ["--headless", "--isolated", "--port", String(port)] },
  // All of its tools start a browser.
  calls: () => [],
  varies: [],
};

const mongodb: RealServer = {
  name: "mongodb",
  package: "mongodb-mcp-server",
  env: () => ({ MDB_MCP_TELEMETRY: "disabled" }),
  http: {
    isModern: true,
    args: (port) => ["--transport", "http", "--httpHost", "127.0.0.1", "--httpPort", String(port)],
    env: () => ({ MDB_MCP_TELEMETRY: "disabled" }),
  },
  calls: () => [
    call("list-connections"),
    call("list-databases", { connectionId: "none" }),
    call("find", { connectionId: "none", database: "a", collection: "b" }),
  ],
  varies: [],
};

const eslint: RealServer = {
  name: "eslint",
  package: "@eslint/mcp",
  async prepare(folder) {
    await writeFile(join(folder, "eslint.config.mjs"), 'export default [{ rules: { "no-unused-vars": "error" } }];\n');
    await writeFile(join(folder, "a.js"), "const unused = 1;\n");
  },
  calls: (folder) => [
    call("lint-files", { filePaths: [join(folder, "a.js")] }),
    call("lint-files", { filePaths: [join(folder, "missing.js")] }),
  ],
  varies: [],
};

const calculator: RealServer = {
  name: "calc",
  package: "@coo-quack/calc-mcp",
  calls: () => [
    call("math", { expression: "sqrt(2) * 10^20" }),
    call("hash", { input: "tollgate", algorithm: "sha256" }),
    call("base64", { input: "a\u0000b", action: "encode" }),
    call("semver", { action: "satisfies", version: "1.2.3", range: "^1.0.0" }),
    call("color", { color: "rebeccapurple" }),
    call("math", { expression: "1 +" }),
    call("datetime", { action: "now", timezone: "UTC" }),
    call("random", { type: "uuid" }),
  ],
  varies: [
    { what: "the time of day", pattern: /\d{4}-\d\d-\d\dT[\d:.]+Z?/g },
    { what: "its random numbers", pattern: /[\da-f]{8}-[\da-f-]{27}/g },
  ],
};

const context7: RealServer = {
  name: "context7",
  package: "@upstash/context7-mcp",
  http: { isModern: true, args: (port) => ["--transport", "http", "--port", String(port)] },
  // Both of its tools ask a service.
  calls: () => [],
  varies: [],
};

const devtools: RealServer = {
  name: "chrome-devtools",
  package: "chrome-devtools-mcp",
  bin: "chrome-devtools-mcp",
  args: () => ["--no-usage-statistics"],
  env: () => ({ CHROME_DEVTOOLS_MCP_NO_UPDATE_CHECKS: "true" }),
  // All of its tools start a browser.
  calls: () => [],
  varies: [],
};

export const realServers: readonly RealServer[] = [
  ...[everything, filesystem, memory, thinking, git, pdf],
  ...[playwright, mongodb, eslint, calculator, context7, devtools],
];

/** Two commits and a change, with the same hashes on every machine and day. */
async function makeRepository(folder: string): Promise<void> {
  const repository = join(folder, "repository");
  const date = "2026-01-02T03:04:05Z";
  const person = (role: string) => ({ [`GIT_${role}_NAME`]: "Ada", [`GIT_${role}_EMAIL`]: "ada@example.org" });
  const env = {
    ...{ PATH: testEnvironment().path, HOME: folder, GIT_CONFIG_NOSYSTEM: "1" },
    ...{ ...person("AUTHOR"), ...person("COMMITTER"), GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
  };
  const run = (...args: string[]) => promisify(execFile)("git", ["-C", folder, ...args], { env });
  await run("init", "-q", "-b", "main", repository);
  for (const [index, text] of ["one\n", "one\ntwo\n"].entries()) {
    await writeFile(join(repository, "a.txt"), text);
    await run("-C", repository, "add", "a.txt");
    await run("-C", repository, "commit", "-q", "-m", `Commit ${index + 1}`);
  }
  await writeFile(join(repository, "a.txt"), "one\n2\n");
}

/** One empty page. */
const smallPdf = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj
trailer<</Root 1 0 R>>
%%EOF
`;
