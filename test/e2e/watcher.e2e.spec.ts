// A proxy's watcher of servers is killed as by the kernel out of memory: another takes its place, agents keep their lists and
// their calls meanwhile, what changed in between is noticed, and no program that it had started is left behind.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startFixture } from "../conformance/fixture.ts";
import { readServer } from "../support/catalogue-operations.ts";
import { createDatabase } from "../support/database.ts";
import { mcpClient, timesTold } from "../support/mcp-client.ts";
import { createTeam, issueKey, registerServer } from "../support/operations.ts";
import { childWith, groupOf, hasMembers, isAlive } from "../support/process-tree.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const echo = fileURLToPath(new URL("../support/stdio-echo.mjs", import.meta.url));
const soon = { timeoutMs: 60_000 };

test(
  "a watcher that is killed is replaced; meanwhile tools are listed and called, and its programs end",
  { timeout: 180_000 },
  async () => {
    await using database = await createDatabase("watcher");
    await using stack = await startStack({ databaseUrl: database.url, env: { TOLLGATE_PROXY_WORKERS: "2" } });
    await using fixture = await startFixture({ era: "modern", transport: "http" });
    const { id } = await registerServer(stack.admin, { name: "web", url: fixture.url });
    // Its script hears no SIGTERM, and lives on when the server itself has ended with its input.
    const script = `trap '' TERM HUP; "$0" "$1"; exec sleep 1000`;
    await registerServer(stack.admin, {
      ...{ name: "program", transport: "STDIO", allowPrivateNetwork: false },
      command: ["/bin/sh", "-c", script, process.execPath, echo],
    });
    const { id: teamId } = await createTeam(stack.admin, "watched");
    const { secret } = await issueKey(stack.admin, { name: "watched", teamId });
    const client = mcpClient(stack.proxy().url, secret);
    const shown = ["program__pid", "web__test_simple_text"];
    const pidOfProgram = async (): Promise<number> =>
      Number(/pid (\d+)/.exec(await client.callText("program__pid"))?.[1]);
    const first = await until(pidOfProgram, { what: "the program to serve", ...soon });
    const group = groupOf(first);
    expect(group).toBeGreaterThan(1);
    await until(async () => (await client.toolNames()).includes("web__test_simple_text"), {
      what: "the server",
      ...soon,
    });
    await until(async () => (await readServer(stack.admin, id)).listing !== null, { what: "it to be seen", ...soon });
    const listening = await client.listen();

    const over = new AbortController();
    const failures: string[] = [];
    let calls = 0;
    const calling = (async () => {
      for (; !over.signal.aborted; calls++) {
        const text = await client.callText("web__test_simple_text").catch(String);
        const names = await client.toolNames().catch((error: unknown) => [String(error)]);
        if (!text.includes("simple text")) failures.push(text);
        if (shown.some((name) => !names.includes(name))) failures.push(`listed was ${names.join(" ")}`);
      }
    })();
    await using _ = { [Symbol.asyncDispose]: () => (over.abort(), calling) };
    const former = await until(() => childWith(stack.proxy().pid, "--watcher"), { what: "the watcher to be found" });
    process.kill(former, "SIGKILL");
    // Nobody watches just now.
    await fixture.control("toggle-tool");
    await until(() => !isAlive(former), { what: "the watcher to be gone" });
    const latter = await until(() => childWith(stack.proxy().pid, "--watcher"), { what: "another watcher", ...soon });
    expect(latter).not.toBe(former);
    const second = await until(
      async () => {
        const pid = await pidOfProgram();
        return pid !== first && pid;
      },
      { what: "the program to serve again", ...soon },
    );
    expect(second).not.toBe(first);
    await until(() => group !== undefined && !hasMembers(group), {
      what: "the former program's group to end",
      ...soon,
    });

    for (let worker = 0; worker < 4; worker++)
      await until(async () => (await client.toolNames()).includes("web__dynamic_tool"), {
        what: "what changed meanwhile to be listed",
        ...soon,
      });
    await until(() => timesTold(listening) > 0, { what: "what changed meanwhile to be told", ...soon });
    await until(
      async () => (await readServer(stack.admin, id)).tools.nodes.some(({ name }) => name === "dynamic_tool"),
      { what: "what changed meanwhile to be seen", ...soon },
    );
    over.abort();
    await calling;
    expect(calls).toBeGreaterThan(5);
    expect(failures).toEqual([]);
    const lastGroup = groupOf(second);
    await stack.proxy().stop("SIGTERM");
    await until(() => lastGroup !== undefined && !hasMembers(lastGroup), { what: "the program to end", ...soon });
  },
);
