// Starts the fixture servers of `fixtures/` as processes of their own. One that was started ends with its scope, when it is
// told to, and at the latest with the process that started it, because the pipe to its standard input closes then. Over HTTP
// it is a URL and what it saw; over stdio it is a pair of message streams, one JSON a line.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { testEnvironment } from "../support/environment.ts";

export type Era = "modern" | "legacy";
export type Transport = "http" | "stdio";
export type FixtureOptions<T extends Transport = Transport> = { era: Era; transport: T };

/** What came over HTTP, in the order in which it came. `seenBefore` counts older ones that were forgotten. */
export type Sightings = {
  seenBefore: number;
  requests: { method: string; path: string; headers: Record<string, string | string[]>; body: unknown }[];
  sessions: { opened: number; open: number };
};

export type FixtureChange = "toggle-tool" | "toggle-prompt" | "update-resource" | "end-sessions" | "forget";

type Ending = {
  readonly pid: number;
  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Closes its standard input, as whoever started it does by ending; resolves with its exit code. */
  leave(): Promise<number | null>;
} & AsyncDisposable;

export type HttpFixture = Ending & {
  readonly url: string;
  seen(): Promise<Sightings>;
  /** `name` and `uri` say which tool, prompt or resource; each change has one by default. */
  control(change: FixtureChange, which?: { name?: string; uri?: string }): Promise<void>;
};

export type StdioFixture = Ending & {
  send(message: object): void;
  /** The next message that it sends. */
  receive(): Promise<unknown>;
};

const entry = fileURLToPath(new URL("fixtures/main.ts", import.meta.url));

/** For those that start processes themselves: a client's stdio transport, or a gate. */
export function commandOf({ era, transport }: FixtureOptions): { command: string; args: string[] } {
  return { command: process.execPath, args: [entry, era, ...(transport === "stdio" ? ["--stdio"] : [])] };
}

export async function startFixture(options: FixtureOptions<"http">): Promise<HttpFixture>;
export async function startFixture(options: FixtureOptions<"stdio">): Promise<StdioFixture>;
export async function startFixture(options: FixtureOptions): Promise<HttpFixture | StdioFixture> {
  const { command, args } = commandOf(options);
  const { path, home } = testEnvironment();
  const child = spawn(command, args, { env: { PATH: path, HOME: home }, stdio: ["pipe", "pipe", "inherit"] });
  await once(child, "spawn");
  // What is written to a process that has ended is lost, and that it ended is seen by whoever waits for its answer.
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout });
  const ending = endingOf(child);
  return options.transport === "http" ? overHttp(ending, lines) : overStdio(ending, lines, child);
}

function endingOf(child: ChildProcess): Ending {
  const exited = once(child, "exit");
  const exitAfter = async (act: () => void): Promise<number | null> => {
    act();
    await exited;
    return child.exitCode;
  };
  const stop = (): Promise<number | null> => exitAfter(() => void child.kill("SIGTERM"));
  const leave = (): Promise<number | null> => exitAfter(() => void child.stdin?.end());
  // A process that has spawned has an id.
  return { pid: child.pid ?? 0, stop, leave, [Symbol.asyncDispose]: async () => void (await stop()) };
}

async function overHttp(ending: Ending, lines: Interface): Promise<HttpFixture> {
  const [line] = await Promise.race([once(lines, "line"), once(lines, "close")]);
  if (typeof line !== "string") throw new Error("the fixture ended before it listened");
  // Its own first line.
  const { url } = JSON.parse(line) as { url: string };
  const get = async (path: string): Promise<Response> => {
    const response = await fetch(new URL(path, url));
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response;
  };
  return {
    ...ending,
    url,
    // Its own shape.
    seen: async () => (await (await get("/seen")).json()) as Sightings,
    control: async (change, which = {}) => void (await get(`/control/${change}?${new URLSearchParams(which)}`)),
  };
}

function overStdio(ending: Ending, lines: Interface, child: ChildProcess): StdioFixture {
  const messages = lines[Symbol.asyncIterator]();
  return {
    ...ending,
    send: (message) => void child.stdin?.write(`${JSON.stringify(message)}\n`),
    async receive() {
      const { done, value } = await messages.next();
      if (done) throw new Error("the fixture ended");
      return JSON.parse(value);
    },
  };
}
