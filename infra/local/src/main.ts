// The entry behind `npm start`: reads arguments and environment, runs the embedded stack until somebody stops it, and turns
// the outcome into an exit code: 0 after a stop, 2 for what was configured wrongly, 1 for everything else.
import { fileURLToPath } from "node:url";
import { loadConfig, settings } from "./config.ts";
import type { CommandLine } from "./config.ts";
import { launch } from "./launcher.ts";
import type { Programs } from "./launcher.ts";
import { Problem } from "./problem.ts";

const programs: Programs = {
  controlPlane: pathOf("control-plane/api/dist/main.js"),
  proxy: pathOf("data-plane/proxy/dist/main.js"),
  mockProvider: pathOf("infra/mock-provider/main.ts"),
  firstConfiguration: pathOf("infra/local/first.yaml"),
};

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../../../${file}`, import.meta.url));
}

function help(): string {
  const rows = Object.entries(settings).map(([name, setting]) => `  ${name}\n      ${setting.description ?? ""}`);
  return [
    "npm start                 runs Tollgate on this machine: PostgreSQL, control plane and proxy",
    "npm start -- --mcp FILE   imports a server list of Claude Code (.mcp.json) into it",
    "npm start -- --demo       adds providers of models that are nobody's, where there are none",
    "npm start -- --help       says this",
    "",
    "Settings are environment variables; an empty one counts as unset. The README lists those of the programs, too.",
    "",
    ...rows,
    "",
  ].join("\n");
}

function optionsIn(args: readonly string[]): CommandLine {
  const rest = [...args];
  let options: CommandLine = {};
  for (let option = rest.shift(); option !== undefined; option = rest.shift()) {
    if (option === "--demo") options = { ...options, isDemo: true };
    else if (option === "--mcp") options = { ...options, mcpFile: fileNamed(rest.shift()) };
    else throw new Problem(`There is no option ${option}; npm start -- --help lists what there is.`, 2);
  }
  return options;
}

function fileNamed(file: string | undefined): string {
  if (file === undefined || file.startsWith("-")) throw new Problem("--mcp needs the name of a file.", 2);
  return file;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(help());
    return 0;
  }
  const interrupt = new AbortController();
  // Ctrl-C under npm arrives twice: from the terminal and from npm. The second is the same wish.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt.abort());
  try {
    const options = optionsIn(args);
    await launch({
      config: loadConfig(options),
      programs,
      interrupted: interrupt.signal,
      tell: (text) => process.stdout.write(`${text}\n`),
      warn: (text) => process.stderr.write(`${text}\n`),
    });
    return 0;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
}

process.exit(await main(process.argv.slice(2)));
