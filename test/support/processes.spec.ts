// A process that a test forgets would hold a port or a database for the next one: these tests hold the promise that none
// outlives its scope or its worker, and that a failure shows what the process said.
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { startProcess } from "./processes.ts";
import type { RunningProcess } from "./processes.ts";

const stayAlive = "setInterval(() => {}, 1000);";

function node(script: string, env: Record<string, string> = {}): Promise<RunningProcess> {
  return startProcess({ name: "the script", args: ["-e", script], env });
}

/**
 * A child that holds a connection to the test for as long as it lives. (Its process id proves less: it stays in use
 * until somebody has waited for the process, which in a container may be nobody.)
 */
async function witness(): Promise<AsyncDisposable & { childScript: string; childEnded: Promise<unknown> }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const childEnded = once(server, "connection").then(async ([socket]: Socket[]) => {
    // A killed process may reset its connection.
    socket?.on("error", () => {}).resume();
    if (socket !== undefined) await once(socket, "close");
  });
  return {
    childScript: `require("node:net").connect(${address.port}, "127.0.0.1", () => console.log("child connected"))`,
    childEnded,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

test("lines of both outputs are found, whether they came before or after the asking", async () => {
  await using script = await node(`console.log("port 17"); console.error("ready"); ${stayAlive}`);
  await script.waitForLine(/ready/);
  expect((await script.waitForLine(/port (\d+)/))[1]).toBe("17");
  script.kill();
  expect(await script.waitForExit()).toEqual({ code: null, signal: "SIGTERM" });
});

test("only PATH, HOME and what is given reach the process", async () => {
  await using script = await node("console.log(JSON.stringify(Object.keys(process.env).sort()))", { GIVEN: "1" });
  expect((await script.waitForLine(/^\[.*\]$/))[0]).toBe('["GIVEN","HOME","PATH"]');
});

test("waiting for a line fails with the log when the process ends or stays silent", async () => {
  await using dying = await node('console.log("no disk"); process.exitCode = 3');
  await expect(dying.waitForLine(/ready/)).rejects.toThrow(/the script ended \(code 3\) without a line.*\nno disk/s);
  await using silent = await node(`console.log("thinking"); ${stayAlive}`);
  await silent.waitForLine(/thinking/);
  await expect(silent.waitForLine(/ready/, 10)).rejects.toThrow(/printed no line like .* in 10 ms.*\nthinking/s);
  await expect(silent.waitForExit(10)).rejects.toThrow(/is still running after 10 ms.*\nthinking/s);
});

test("the log keeps the newest lines and forgets the others", async () => {
  await using script = await node('for (let i = 0; i < 5000; i++) console.log("line " + i)');
  await script.waitForExit();
  const lines = script.log().split("\n");
  expect(lines).toHaveLength(2_000);
  expect(lines.at(-1)).toBe("line 4999");
});

test("a command that does not exist is named", async () => {
  await expect(startProcess({ name: "the tool", command: "no-such-tool", args: [] })).rejects.toThrow(
    /the tool could not be started: .*ENOENT/,
  );
});

test("the end of the scope ends the process and its children, also when the test fails", async () => {
  await using watched = await witness();
  const failing = async (): Promise<void> => {
    await using script = await node(
      `require("node:child_process").spawn(process.execPath, ["-e", process.env.CHILD], { stdio: "inherit" }); ${stayAlive}`,
      { CHILD: watched.childScript },
    );
    await script.waitForLine(/child connected/);
    throw new Error("the test failed");
  };
  await expect(failing()).rejects.toThrow("the test failed");
  await watched.childEnded;
});

test.each(["SIGTERM", "exit"])("a worker's end (%s) ends what it started and never disposed of", async (how) => {
  await using watched = await witness();
  const end = how === "exit" ? "process.exit(0)" : 'process.kill(process.pid, "SIGTERM")';
  await using worker = await node(
    `import(${JSON.stringify(new URL("processes.ts", import.meta.url).href)}).then(async ({ startProcess }) => {
      const child = await startProcess({ name: "child", args: ["-e", process.env.CHILD] });
      await child.waitForLine(/child connected/);
      ${end};
    })`,
    { CHILD: watched.childScript },
  );
  const { code, signal } = await worker.waitForExit();
  expect(signal ?? code).toBe(how === "exit" ? 0 : how);
  await watched.childEnded;
});
