// Servers that are programs: registered over the admin API, started by the proxy, called through it. One that ends comes back by
// itself, none gets anything of the proxy's environment, and none is left when the proxy has gone.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createDatabase } from "../support/database.ts";
import { callTool, createTeam, issueKey, registerServer } from "../support/operations.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { commandOf } from "../conformance/fixture.ts";

const echo = fileURLToPath(new URL("../support/stdio-echo.mjs", import.meta.url));

test(
  "a program serves, ends, serves again, sees its own environment alone, and ends with the proxy",
  { timeout: 90_000 },
  async () => {
    await using database = await createDatabase("stdio");
    await using stack = await startStack({ databaseUrl: database.url });
    const stdio = { transport: "STDIO", allowPrivateNetwork: false } as const;
    await registerServer(stack.admin, {
      ...{ ...stdio, name: "echo", command: [process.execPath, echo] },
      environment: [{ name: "GREETING", value: "hello" }],
    });
    for (const era of ["modern", "legacy"] as const) {
      const { command, args } = commandOf({ era, transport: "stdio" });
      await registerServer(stack.admin, { ...stdio, name: era, command: [command, ...args] });
    }
    const { id: teamId } = await createTeam(stack.admin, "programs");
    const { secret } = await issueKey(stack.admin, { name: "programs", teamId });
    const call = async (tool: string, args: object = {}) => callTool(stack.proxy().url, secret, tool, args);
    await until(async () => (await call("echo__environment")).hasResult, { what: "the program to serve" });

    const { body } = await call("echo__environment");
    expect(body).toContain("GREETING=hello");
    expect(body).not.toContain("TOLLGATE_");
    for (const era of ["modern", "legacy"])
      await until(async () => (await call(`${era}__test_simple_text`)).body.includes("simple text"), {
        what: `the ${era} one`,
      });

    const { body: first } = await call("echo__pid");
    const pid = /"pid (\d+)"/.exec(first)?.[1];
    expect((await call("echo__exit")).body).toContain('"isError":true');
    await until(
      async () => (await call("echo__pid")).hasResult && !(await call("echo__pid")).body.includes(`pid ${pid}"`),
      {
        what: "another program in its place",
      },
    );
    const last = Number(/"pid (\d+)"/.exec((await call("echo__pid")).body)?.[1]);
    await stack.proxy().stop("SIGTERM");
    await until(() => !isAlive(last), { what: "the program to end with its proxy" });
  },
);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
