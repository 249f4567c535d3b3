// Drives the MCP Inspector's command line: one process for each request, and its result as JSON. It opens the legacy era
// unless told otherwise. The Inspector would keep files in its home, which is therefore a temporary folder.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finishProgram, jsonLines } from "./finished-program.ts";
import { programOf } from "./install.ts";

export interface InspectorRun {
  /** The MCP server's. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly era?: "legacy" | "auto" | "modern";
  /** Such as `tools/list`. */
  readonly method: string;
  /** For `tools/call`. */
  readonly tool?: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
  readonly timeoutMs?: number;
}

export interface InspectorReport {
  readonly exitCode: number | null;
  /** The parsed output; undefined where there is none, as after a failure. */
  readonly result: unknown;
  readonly stderr: string;
}

const runMsMax = 30_000;

export async function runInspector(run: InspectorRun): Promise<InspectorReport> {
  const { url, headers = {}, era, method, tool, timeoutMs = runMsMax } = run;
  const folder = await mkdtemp(join(tmpdir(), "tollgate-inspector-"));
  const program = await programOf("inspector");
  try {
    const { exitCode, stdout, stderr } = await finishProgram({
      name: "MCP Inspector",
      program,
      args: [
        ...["--cli", "--transport", "http", "--server-url", url, "--method", method, "--format", "json", "--quiet"],
        "--stored-auth-only",
        ...(era === undefined ? [] : ["--protocol-era", era]),
        ...Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
        ...(tool === undefined ? [] : ["--tool-name", tool.name, "--tool-args-json", JSON.stringify(tool.arguments)]),
      ],
      env: { HOME: folder },
      cwd: folder,
      timeoutMs,
    });
    return { exitCode, result: jsonLines(stdout).at(-1), stderr };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
