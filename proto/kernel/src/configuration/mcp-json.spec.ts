// Server lists as people have them. What is refused is refused as a whole, and what may be a credential is never in a place
// that is stored in clear, and in no message.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readMcpJson, type ImportedServer, type Lookup } from "./mcp-json.ts";

const variables: Readonly<Record<string, string>> = { TOKEN: "planted-token-1", EMPTY: "", HOST: "mcp.example" };
const lookup: Lookup = (name) => variables[name];

function taken(servers: unknown, by: Lookup | undefined = lookup): ImportedServer[] {
  const read = readMcpJson(JSON.stringify({ mcpServers: servers }), by);
  if (read.outcome === "invalid") throw new Error(read.problems.map(({ message }) => message).join(" "));
  return read.servers;
}

function problemsOf(text: string, by: Lookup | undefined = lookup): string[] {
  const read = readMcpJson(text, by);
  return read.outcome === "invalid" ? read.problems.map(({ message }) => message) : [];
}

const problemOf = (server: unknown, by: Lookup | undefined = lookup) =>
  problemsOf(JSON.stringify({ mcpServers: { s: server } }), by)[0];

describe("a list", () => {
  test("gives programs and addresses, of either client", () => {
    const servers = taken({
      "My Files": {
        command: "npx",
        args: ["-y", "@scope/server@1.2.3", "/srv/docs"],
        env: { LOG_LEVEL: "info", DEPTH: 3 },
      },
      github: {
        type: "http",
        url: "https://${HOST}/mcp",
        headers: { Authorization: "Bearer ${TOKEN}", Accept: "application/json, text/event-stream", "X-Team": "a" },
      },
      old: { type: "sse", url: "http://localhost:3000/sse" },
      streaming: { type: "streamable-http", url: "https://s.example/mcp" },
      bare: { url: "https://b.example/mcp" },
    });
    expect(servers).toMatchObject([
      {
        ...{ name: "my-files", from: "My Files", transport: "stdio", url: "", headers: [] },
        command: ["npx", "-y", "@scope/server@1.2.3", "/srv/docs"],
        environment: [
          { name: "LOG_LEVEL", plain: "info" },
          { name: "DEPTH", plain: "3" },
        ],
      },
      {
        ...{
          name: "github",
          transport: "http",
          url: "https://mcp.example/mcp",
          command: [],
          allowPrivateNetwork: false,
        },
        headers: [
          { name: "Authorization", prefix: "Bearer ", source: { value: "planted-token-1" } },
          { name: "X-Team", prefix: "", source: { value: "a" } },
        ],
      },
      { name: "old", transport: "sse", allowPrivateNetwork: true },
      { name: "streaming", transport: "http" },
      { name: "bare", transport: "http" },
    ]);
  });

  test("is filled in as a shell would, and by nobody where nobody reads it", () => {
    const [server] = taken({
      s: { command: "a", args: ["${UNSET:-x}", "${EMPTY:-y}", "${EMPTY}", "$HOME", "${HOST}:${UNSET:-1}"] },
    });
    expect(server?.command).toEqual(["a", "x", "y", "", "$HOME", "mcp.example:1"]);
    expect(readMcpJson('{"mcpServers":{"s":{"command":"${HOST:-x}"}}}', undefined)).toMatchObject({
      problems: [
        { server: "s", message: "The server `s` refers to an environment variable, HOST, which nobody fills in here." },
      ],
    });
  });
});

describe("what may be a credential", () => {
  test.each([
    ["API_KEY", "x"],
    ["GITHUB_PERSONAL_ACCESS_TOKEN", "abc"],
    ["password", "correct horse"],
    ["SETTING", "sk-abc"],
    ["SETTING", "postgres://me:planted@db.example/x"],
    ["SETTING", "AbCdEf123456GhIjKl"],
    ["SETTING", "hunter2"],
    ["URL", "https://hooks.example/services/T0001/B0001/aBcDeFgH12345678"],
    ["SETTING", "https://x.example/?q=1"],
    ["SETTING", "/9j4AAQSkZJRgABAQEASABIAAD"],
  ])("%s=%s is kept secret", (name, value) => {
    const [server] = taken({ s: { command: "a", env: { [name]: value } } });
    expect(server?.environment).toEqual([{ name, prefix: "", source: { value } }]);
  });

  test.each([
    ["LOG_LEVEL", "debug"],
    ["DEBUG", "true"],
    ["PORT", "8080"],
    ["EMPTY", ""],
    ["ROOT", "/srv/My Documents/files"],
    ["ROOT", "C:\\Users\\me"],
    ["ENDPOINT", "https://api.example.com/v1"],
    ["VERSION", "1.2.3"],
    ["HOSTNAME", "db.internal:5432"],
  ])("%s=%s is shown", (name, value) => {
    const [server] = taken({ s: { command: "a", env: { [name]: value } } });
    expect(server?.environment).toEqual([{ name, plain: value }]);
  });

  test.each([
    [["--api-key", "planted"], 1],
    [["--api-key=planted"], 0],
    [["-y", "mcp-remote", "https://x.example", "--header", "Authorization: Bearer planted"], 4],
    [["--header", "X-Api-Key:planted"], 1],
    [["postgres://me:planted@db.example/x"], 0],
    [["run", "-e", "TOKEN=planted"], 2],
    [["ghp_planted"], 0],
    [["AbCdEf123456GhIjKlMnOpQr"], 0],
    [["--token", "${TOKEN}"], 1],
  ])("is refused among arguments: %j", (args, index) => {
    const problem = problemOf({ command: "npx", args });
    expect(problem).toContain(`credential in \`args[${index}]\``);
    expect(problem).not.toMatch(/planted|AbCd/);
  });

  test.each([
    [["-y", "@modelcontextprotocol/server-filesystem", "/home/me/projects"]],
    [["run", "-i", "--rm", "-e", "GITHUB_PERSONAL_ACCESS_TOKEN", "ghcr.io/github/github-mcp-server"]],
    [["--key-file", "/etc/keys/a.pem", "--auth-mode", "none", "--token-url", "https://a.example"]],
    [["-y", "chrome-devtools-mcp@latest", "--browserUrl=http://127.0.0.1:9222"]],
  ])("is not what programs are usually told: %j", (args) => {
    expect(problemOf({ command: "npx", args })).toBeUndefined();
  });

  test.each([
    ["http://localhost/mcp", true],
    ["http://127.0.0.1:9000?x=y", true],
    ["https://10.1.2.3", true],
    ["http://172.16.0.1/", true],
    ["http://[::1]:1/", true],
    ["http://localhost.attacker.example/mcp", false],
    ["http://10.attacker.example/mcp", false],
    ["http://127.0.0.1.attacker.example/mcp", false],
    ["http://172.32.0.1/mcp", false],
  ])("may name a private address by itself, and by nothing that looks like one: %s", (url, isPrivate) => {
    expect(taken({ s: { url } })[0]?.allowPrivateNetwork).toBe(isPrivate);
  });

  test.each(["https://x.example/mcp?api_key=1", "https://x.example/s/aBcDeFgH12345678/mcp"])(
    "is refused in an address: %s",
    (url) => {
      expect(problemOf({ url })).toContain("credential in `url`");
    },
  );
});

describe("a list is refused as a whole", () => {
  test.each([
    ["", "The list is not JSON."],
    ["{}", "The list has no object `mcpServers` whose members are servers."],
    ['{"mcpServers":[]}', "The list has no object `mcpServers` whose members are servers."],
  ])("%j", (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test.each([
    [1, "The server `s` is not an object."],
    [{}, "The server `s` lacks `url`."],
    [{ type: "stdio" }, "The server `s` lacks `command`."],
    [{ type: "websocket", url: "wss://x" }, "The server `s` has a field `type` that is not as it must be."],
    [{ command: "a", args: "b" }, "The server `s` has a field `args` that is not as it must be."],
    [{ command: "a", url: "https://x.example" }, "The server `s` has `command` and `url`, which are two servers."],
    [{ command: "" }, "The server `s` has a command that names no program."],
    [{ url: "ftp://planted" }, "The server `s` has a `url` that is not a URL that begins with http:// or https://."],
    [
      { command: "a", env: { "planted x": "1" } },
      "The server `s` has a name in `env` that is not the name of an environment variable.",
    ],
    [
      { url: "https://x.example", headers: { Host: "planted" } },
      "The server `s` has a name in `headers` that is a header that the gate sets itself.",
    ],
    [
      { url: "https://x.example", headers: { A: "planted\nB: c" } },
      "The server `s` has a value `headers.A` that holds a line break, which no header may.",
    ],
    [{ url: "https://x.example", headers: { A: "1", a: "2" } }, "The server `s` has a header twice."],
    [{ command: "${UNSET}" }, "The server `s` refers to an environment variable, UNSET, that is not set."],
    [
      { command: "${planted here}" },
      "The server `s` has `${…}` around what is not the name of an environment variable.",
    ],
  ])("for %j", (server, problem) => {
    expect(problemOf(server)).toBe(problem);
  });

  test("for names that come to one, or to none, each problem named", () => {
    const text = JSON.stringify({
      mcpServers: {
        "My Server": { command: "a" },
        "my server": { command: "b" },
        "???": { command: "c" },
        good: { command: "d" },
      },
    });
    expect(problemsOf(text)).toEqual([
      "The server `my server` has the name `my-server` here, as the server `My Server` has.",
      "A server has a name of which nothing can be made that is a name here.",
    ]);
  });
});

test("whatever the text, there is an answer, and no message holds a value", () => {
  const value = fc.oneof(fc.string(), fc.constantFrom("planted-secret-value", "${planted-secret-value}", "a b"));
  const server = fc.record(
    {
      type: fc.oneof(fc.constantFrom("stdio", "http"), value),
      command: value,
      args: fc.array(value),
      env: fc.dictionary(fc.constantFrom("A", "B"), value),
      url: value,
      headers: fc.dictionary(fc.constantFrom("A", "Host"), value),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.oneof(server, fc.jsonValue())), (servers) => {
      const read = readMcpJson(JSON.stringify({ mcpServers: servers }), lookup);
      if (read.outcome === "invalid")
        expect(JSON.stringify(read.problems.map(({ message }) => message))).not.toContain("planted-secret");
    }),
  );
});
