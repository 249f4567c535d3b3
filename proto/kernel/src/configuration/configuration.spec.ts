// A file is taken whole or refused with every mistake at its line and column; what it may hold in secret is in no message.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../limits.ts";
import {
  adminSecret,
  key,
  keySecret,
  marked,
  refused,
  server,
  serviceSecret,
  variables,
} from "./configuration.fixture.ts";
import { refusedOfLevels } from "./levels.fixture.ts";
import { emptyConfiguration, parseConfiguration, type Parsed } from "./configuration.ts";
import { referencedVariables } from "./credential.ts";
import { formatIssue } from "./issue.ts";

const parse = (text: string): Parsed =>
  parseConfiguration(text, { fileName: "tollgate.yaml", resolve: ({ env }) => variables[env] });

function issuesOf(text: string) {
  const parsed = parse(text);
  return parsed.outcome === "invalid" ? parsed.issues : [];
}

function taken(text: string) {
  const parsed = parse(text);
  if (parsed.outcome === "invalid") throw new Error(parsed.report);
  return parsed.configuration;
}

const usualServer = {
  ...{ transport: "http", command: [], environment: [], workingDirectory: "" },
  ...{ era: "auto", isolation: "auto", catalogue: "auto" },
};

describe("a good file", () => {
  test("gives teams, keys and servers with their defaults and places", () => {
    const text = `version: 1
servers:
  - { name: github, transport: http, url: https://mcp.github.example/mcp, headers: { Authorization: { env: GH_TOKEN, prefix: "Bearer " } } }
  - name: internal
    url: http://10.0.0.8:8000/mcp
    headers: { x-static: { value: "a b" }, x-vaulted: { secret: jira-token } }
    timeoutSeconds: 5
    allowPrivateNetwork: true
teams: [{ name: engineering }]
keys:
  - name: alice-laptop
    team: engineering
    secret: { env: ALICE_KEY }
    tools: ["github/*", files/read_*]
  - { name: ci, team: engineering, purpose: service, secret: { env: CI_KEY }, expiresAt: "2027-01-31T18:00:00+01:00" }
`;
    expect(taken(text)).toEqual({
      ...emptyConfiguration,
      teams: [{ name: "engineering", tools: [], toolGroups: [], models: [], at: { line: 9, column: 17 } }],
      keys: [
        {
          name: "alice-laptop",
          team: "engineering",
          purpose: "agent",
          secret: keySecret,
          tools: ["github/*", "files/read_*"],
          ...{ toolGroups: [], models: [], labels: [] },
          at: { line: 11, column: 11 },
        },
        {
          name: "ci",
          team: "engineering",
          purpose: "service",
          secret: serviceSecret,
          tools: [],
          ...{ toolGroups: [], models: [], labels: [] },
          expiresAtMs: Date.UTC(2027, 0, 31, 17),
          at: { line: 15, column: 13 },
        },
      ],
      servers: [
        {
          ...usualServer,
          name: "github",
          url: "https://mcp.github.example/mcp",
          headers: [{ name: "Authorization", prefix: "Bearer ", source: { value: "ghp-planted-secret" } }],
          timeoutSeconds: 60,
          allowPrivateNetwork: false,
          at: { line: 3, column: 13 },
        },
        {
          ...usualServer,
          name: "internal",
          url: "http://10.0.0.8:8000/mcp",
          headers: [
            { name: "x-static", prefix: "", source: { value: "a b" } },
            { name: "x-vaulted", prefix: "", source: { secretName: "jira-token" } },
          ],
          timeoutSeconds: 5,
          allowPrivateNetwork: true,
          at: { line: 4, column: 11 },
        },
      ],
    });
  });

  test("needs nothing but its version", () => {
    expect(taken("version: 1\n")).toEqual(emptyConfiguration);
  });

  test("may group tools, grant groups to keys and bound teams by them", () => {
    const text = `version: 1
toolGroups:
  - { name: research, tools: ["files/read_*", "prompt:github/*", "resource:files/file:///srv/*"], naming: none, eras: [legacy] }
  - { name: all, tools: ["*/*"] }
teams: [{ name: t, tools: [group:all, "jira/*"] }]
keys:
  - { name: a, team: t, tools: [github/*, group:research, group:all] }
`;
    const { toolGroups, teams, keys } = taken(text);
    expect(toolGroups).toMatchObject([
      {
        name: "research",
        tools: ["files/read_*", "prompt:github/*", "resource:files/file:///srv/*"],
        naming: "none",
        eras: ["legacy"],
      },
      { name: "all", tools: ["*/*"], naming: "auto", eras: [] },
    ]);
    expect(teams).toMatchObject([{ tools: ["jira/*"], toolGroups: ["all"] }]);
    expect(keys).toMatchObject([{ tools: ["github/*"], toolGroups: ["research", "all"] }]);
  });

  test("may name providers, with where they are and what the gate may do there", () => {
    const text = `version: 1
providers:
  - { name: anthropic, kind: anthropic, credential: { env: GH_TOKEN } }
  - name: eu
    kind: openai
    baseUrl: https://eu.example/v1
    credentials:
      - { name: first, env: GH_TOKEN, weight: 3, models: ["gpt-5*"] }
      - { name: second, secret: stored }
    models: ["gpt-5*", "meta/llama:free"]
    timeoutSeconds: 30
    allowPrivateNetwork: true
    passthrough: true
`;
    const source = { value: "ghp-planted-secret" };
    expect(taken(text)).toEqual({
      ...emptyConfiguration,
      providers: [
        {
          ...{ name: "anthropic", kind: "anthropic", baseUrl: "https://api.anthropic.com" },
          credentials: [{ name: "default", source, weight: 1, models: [] }],
          ...{ models: [], timeoutSeconds: 600, allowPrivateNetwork: false, passthrough: false },
          at: { line: 3, column: 13 },
        },
        {
          ...{ name: "eu", kind: "openai", baseUrl: "https://eu.example/v1" },
          credentials: [
            { name: "first", source, weight: 3, models: ["gpt-5*"] },
            { name: "second", source: { secretName: "stored" }, weight: 1, models: [] },
          ],
          models: ["gpt-5*", "meta/llama:free"],
          ...{ timeoutSeconds: 30, allowPrivateNetwork: true, passthrough: true },
          at: { line: 4, column: 11 },
        },
      ],
    });
    expect(referencedVariables(text)).toEqual(["GH_TOKEN"]);
  });

  test("may give models other names, and grant models to keys and bound teams by them", () => {
    const text = `version: 1
providers: [{ name: eu, kind: openai, credential: { env: GH_TOKEN } }]
models: [{ name: fast, targets: [{ model: eu/meta/llama }] }]
teams: [{ name: t, models: ["eu/*"] }]
keys: [{ name: a, team: t, models: [fast, "anthropic/claude-*", "*"] }]
`;
    const { modelAliases, teams, keys } = taken(text);
    expect(modelAliases).toEqual([
      { name: "fast", targets: [{ provider: "eu", model: "meta/llama" }], at: { line: 3, column: 18 } },
    ]);
    expect(teams).toMatchObject([{ models: ["eu/*"] }]);
    expect(keys).toMatchObject([{ models: ["fast", "anthropic/claude-*", "*"] }]);
  });

  test("may have customers and users, bound by them, and permit labels", () => {
    const text = `version: 1
customers: [{ name: acme, tools: ["files/*"] }]
teams: [{ name: t, customer: acme }]
users: [{ name: alice, customer: acme, models: [fast] }, { name: bob }]
keys: [{ name: a, team: t, user: alice, labels: { project: [apollo, "gemini-*"], env: ["*"] } }]
`;
    const { customers, teams, users, keys } = taken(text);
    expect(customers).toMatchObject([{ name: "acme", tools: ["files/*"], toolGroups: [], models: [] }]);
    expect(teams).toMatchObject([{ name: "t", customer: "acme" }]);
    expect(users).toEqual([
      { name: "alice", customer: "acme", models: ["fast"], tools: [], toolGroups: [], at: { line: 4, column: 17 } },
      { name: "bob", models: [], tools: [], toolGroups: [], at: { line: 4, column: 66 } },
    ]);
    expect(keys).toMatchObject([
      {
        user: "alice",
        labels: [
          { name: "project", values: ["apollo", "gemini-*"] },
          { name: "env", values: ["*"] },
        ],
      },
    ]);
  });

  test("may price models, to the nano-dollar, and what it does not say of what is cached as input", () => {
    const text = `version: 1
providers: [{ name: eu, kind: openai, credential: { env: GH_TOKEN } }]
prices:
  - { model: openai/gpt-5-mini, inputPerMillion: 0.25, outputPerMillion: 2 }
  - model: eu/gpt-5*
    serviceTier: flex
    inputPerMillion: 0.10
    cachedInputPerMillion: "0.000000001"
    cacheWrite5mPerMillion: 1000000
    outputPerMillion: 0
    tiers: [{ inputTokensAbove: 272000, inputPerMillion: 0.2, outputPerMillion: 0.3 }]
    perRequest: 0.001
    perWebSearch: 0.01
    contextTokensMax: 400000
    outputTokensMax: 128000
`;
    const flat = (nano: bigint, output: bigint) => ({
      ...{ input: nano, cacheRead: nano, cacheWrite5m: nano, cacheWrite1h: nano, output },
    });
    expect(taken(text).prices).toEqual([
      {
        ...{ provider: "openai", model: "gpt-5-mini", serviceTier: "" },
        ...{ rates: flat(250_000_000n, 2_000_000_000n), tiers: [] },
        ...{ requestNanoUsd: 0n, webSearchNanoUsd: 0n, contextTokensMax: 0n, outputTokensMax: 0n },
        at: { line: 4, column: 5 },
      },
      {
        ...{ provider: "eu", model: "gpt-5*", serviceTier: "flex" },
        rates: {
          ...{ input: 100_000_000n, cacheRead: 1n, output: 0n },
          ...{ cacheWrite5m: 1_000_000_000_000_000n, cacheWrite1h: 1_000_000_000_000_000n },
        },
        tiers: [{ inputTokensAbove: 272_000n, rates: flat(200_000_000n, 300_000_000n) }],
        ...{ requestNanoUsd: 1_000_000n, webSearchNanoUsd: 10_000_000n },
        ...{ contextTokensMax: 400_000n, outputTokensMax: 128_000n },
        at: { line: 5, column: 5 },
      },
    ]);
  });

  test("may price tools beside models, each call of them alike", () => {
    const text = `version: 1
prices:
  - { tool: github/search_code, perCall: 0.002 }
  - { model: openai/gpt-5, inputPerMillion: 1, outputPerMillion: 2 }
  - { tool: github/*, perCall: "0" }
`;
    const { prices, toolPrices } = taken(text);
    expect(prices).toMatchObject([{ model: "gpt-5" }]);
    expect(toolPrices).toEqual([
      { tool: "github/search_code", callNanoUsd: 2_000_000n, at: { line: 3, column: 5 } },
      { tool: "github/*", callNanoUsd: 0n, at: { line: 5, column: 5 } },
    ]);
  });

  test("may name a program, with its arguments as they are written and what stands in its environment", () => {
    const text = `version: 1
servers:
  - name: files
    command: [npx, -y, "@modelcontextprotocol/server-filesystem", /srv/docs, 8080, true, ""]
    environment: { LEVEL: info, PORT: 08, EMPTY: "", TOKEN: { env: GH_TOKEN, prefix: "t-" }, KEPT: { secret: stored } }
    workingDirectory: /srv
    era: legacy
    isolation: session
    catalogue: pinned
  - { name: old, transport: sse, url: https://s.example/sse }
`;
    expect(taken(text).servers).toMatchObject([
      {
        ...{ transport: "stdio", url: "", headers: [], allowPrivateNetwork: false },
        command: ["npx", "-y", "@modelcontextprotocol/server-filesystem", "/srv/docs", "8080", "true", ""],
        environment: [
          { name: "LEVEL", plain: "info" },
          { name: "PORT", plain: "08" },
          { name: "EMPTY", plain: "" },
          { name: "TOKEN", prefix: "t-", source: { value: "ghp-planted-secret" } },
          { name: "KEPT", prefix: "", source: { secretName: "stored" } },
        ],
        ...{ workingDirectory: "/srv", era: "legacy", isolation: "session", catalogue: "pinned" },
      },
      { transport: "sse", url: "https://s.example/sse" },
    ]);
  });

  test("may bound how old the view of an environment's proxies is, within what they can keep", () => {
    const text = (ms: string) => `version: 1\nenvironments:\n  - { name: production, replicaAgeMsMax: ${ms} }\n`;
    expect(taken(text("90000"))?.environments).toMatchObject([{ name: "production", replicaAgeMsMax: 90_000 }]);
    expect(issuesOf(text("34999"))).toMatchObject([
      { message: expect.stringContaining("is not a whole number from 35000 to") },
    ]);
    expect(issuesOf(text("an hour"))).toMatchObject([{ message: expect.stringContaining("must be a whole number") }]);
    expect(issuesOf(text("90000, contentLogging: on"))).toMatchObject([
      { message: expect.stringContaining("not supported by this version yet") },
    ]);
  });

  test("may say once what several keys share, by an anchor", () => {
    const text = `version: 1
teams: [{ name: t }]
keys:
  - { name: a, team: t, tools: &read [files/read_*] }
  - { name: b, team: t, tools: *read }
`;
    expect(taken(text).keys.map((key) => key.tools)).toEqual([["files/read_*"], ["files/read_*"]]);
  });

  test("is read alike with a byte order mark and with the line ends of Windows", () => {
    expect(taken("\uFEFFversion: 1\r\nteams:\r\n  - name: t\r\n").teams).toMatchObject([
      { name: "t", at: { line: 3, column: 11 } },
    ]);
  });
});

describe("a file with a mistake is refused with its place", () => {
  test.each([...refused, ...refusedOfLevels])("%s", (_, text, message) => {
    const { text: file, line, column } = marked(text);
    expect(issuesOf(file).map((issue) => formatIssue("f.yaml", issue))).toEqual([
      `f.yaml:${line}:${column}: ${message}`,
    ]);
  });

  test.each([
    ["keys", key("⟨⟩budget: { usd: 5 }")],
    ["keys", key("⟨⟩limits: {}")],
    [
      "models",
      "version: 1\nproviders: [{ name: p, kind: openai, credential: { value: x } }]\nmodels: [{ name: a, targets: [{ model: p/a }], ⟨⟩strategy: cheapest }]\n",
    ],
    ["teams", "version: 1\nteams: [{ name: a, ⟨⟩budget: {} }]\n"],
    ["servers", server("⟨⟩openapi: x")],
    ["toolGroups", "version: 1\ntoolGroups: [{ name: a, tools: [], ⟨⟩mode: search }]\n"],
  ])("a field of %s that nothing enforces yet is refused", (_, text) => {
    const { text: file, line, column } = marked(text);
    expect(issuesOf(file)).toMatchObject([{ line, column }]);
    expect(issuesOf(file)[0]?.message).toMatch(/is not supported by this version yet\.$/);
  });

  test("all mistakes are told at once, in the order of the file, as a report", () => {
    const text = "version: 1\nkeys:\n  - { name: A, team: b }\nteams:\n  - { nme: b }\n";
    const parsed = parse(text);
    expect(parsed.outcome === "invalid" && parsed.report.split("\n")).toEqual([
      "tollgate.yaml:3:13: `keys[0].name` is not a name: 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit.",
      "tollgate.yaml:3:22: `keys[0].team` names no team of this file.",
      "tollgate.yaml:5:5: `teams[0]` lacks the field `name`.",
      "tollgate.yaml:5:7: `teams[0]` has an unknown field `nme`; the nearest that it takes is `name`.",
    ]);
  });
});

describe("no file is too much", () => {
  test("a file of mistakes gives only the first ones", () => {
    const text = `version: 1\nteams:\n${"  - name: A B\n".repeat(10_000)}`;
    expect(issuesOf(text)).toHaveLength(limits.configurationIssuesMax);
  });

  test("a file above the limit is refused unread", () => {
    const text = `version: 1\n${"# ä\n".repeat(limits.configurationBytesMax / 5)}`;
    expect(text.length).toBeLessThan(limits.configurationBytesMax);
    expect(issuesOf(text)).toMatchObject([{ line: 1, column: 1, message: "The file is larger than 4194304 bytes." }]);
  });

  test("aliases that repeat aliases are refused before they are followed", () => {
    const levels = Array.from({ length: 15 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]`);
    const issues = issuesOf(`a0: &a0 [x]\n${levels.join("\n")}\n`);
    expect(issues).toMatchObject([{ message: "The file repeats more than 100000 nodes by aliases." }]);
  });

  // The composer is recursive: without the bound its overflow took the whole process down on some versions of Node.
  test.each(["[", "- ", "{a: ", "? ", "- ? "])("a tower of %j is refused by its depth", (step) => {
    expect(issuesOf(step.repeat(100_000))).toMatchObject([
      { message: expect.stringMatching(/^The file is nested deeper than 20 levels here/) },
    ]);
  });

  test("a hundred thousand fields of one mapping are read within the test's time, which a quadratic check is not", () => {
    const fields = Array.from({ length: 100_000 }, (_, i) => `field${i}: x`);
    expect(issuesOf(fields.join("\n"))).toHaveLength(limits.configurationIssuesMax);
  });
});

describe("secrets", () => {
  test("no refused file above leads to a message that holds one", () => {
    for (const [, text] of refused) {
      const report = JSON.stringify(issuesOf(marked(text).text));
      expect(report).not.toMatch(/planted|ghp/);
      for (const secret of [keySecret, serviceSecret, adminSecret]) expect(report).not.toContain(secret.slice(24, 60));
    }
  });

  test("wherever a secret is pasted into a good file, no message repeats it", () => {
    const secret = "sEcret-PLANTED-value";
    const good =
      key(`secret: { env: ALICE_KEY }, tools: ["a/b"] `) +
      'servers:\n  - { name: s, url: "http://s/", headers: { x-a: { value: v } } }\n';
    const words = good.split(/(?<=[ {}[\],:\n"])|(?=[ {}[\],:\n"])/);
    for (const [index, word] of words.entries()) {
      if (!/^[\w.-]+$/.test(word)) continue;
      for (const pasted of [
        secret,
        `"${secret}"`,
        `{ ${secret}: 1 }`,
        `[${secret}]`,
        `*${secret}`,
        `!${secret} x`,
        `'${secret}`,
        `%${secret}`,
        `@${secret}`,
      ]) {
        const text = words.with(index, pasted).join("");
        expect(JSON.stringify(issuesOf(text)), text).not.toContain("PLANTED");
      }
    }
  });

  test("whatever the text, the answer is an answer and every place lies inside it", () => {
    const pieces = fc.constantFrom(
      "version: 1",
      "\n",
      "  ",
      "- ",
      "name: ",
      "keys:",
      "teams:",
      "servers:",
      "{",
      "}",
      "[",
      "]",
      "&a ",
      "*a",
      "'",
      '"',
      "|",
      "? ",
      ": ",
      "#",
      "!!str ",
      "a",
      "1",
      "\t",
      "---\n",
      "%YAML 1.1\n",
      "<<: ",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const lines = text.split(/\r\n|\n/);
        for (const { line, column } of issuesOf(text)) {
          expect(line).toBeGreaterThan(0);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeGreaterThan(0);
          expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 2);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the variables that a file mentions", () => {
  test("are told once each, in the order of the file, whatever else is wrong with it", () => {
    const text = `${server("headers: { a: { env: GH_TOKEN }, b: { env: OTHER, prefix: x }, c: { env: GH_TOKEN } }")}unknown: 1\n`;
    expect(referencedVariables(text)).toEqual(["GH_TOKEN", "OTHER"]);
  });

  test("are none where the file is not YAML, and none where the name cannot be one", () => {
    expect(referencedVariables("a: [")).toEqual([]);
    expect(referencedVariables("a: { env: 'not a name' }\nb: { env: 1 }")).toEqual([]);
  });
});
