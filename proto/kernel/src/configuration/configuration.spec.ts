// A file is taken whole or refused with every mistake at its line and column; what it may hold in secret is in no message.
// Each refused file below marks the offending place with `⟨⟩`, so that the expected line and column are seen, not counted.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatKey } from "../key-format.ts";
import { limits } from "../limits.ts";
import { parseConfiguration, type Parsed } from "./configuration.ts";
import { referencedVariables } from "./credential.ts";
import { formatIssue } from "./issue.ts";

const keySecret = formatKey("key", "0123456789abcdef", new Uint8Array(32).fill(7));
const serviceSecret = formatKey("svc", "fedcba9876543210", new Uint8Array(32).fill(8));
const adminSecret = formatKey("adm", "00000000000000aa", new Uint8Array(32).fill(9));
const variables: Record<string, string> = {
  ALICE_KEY: keySecret,
  CI_KEY: serviceSecret,
  ADMIN: adminSecret,
  CUT_OFF: keySecret.slice(0, -1),
  GH_TOKEN: "ghp-planted-secret",
  BROKEN: "planted\r\nx-evil: 1",
  EMPTY: "",
};

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

/** The text without its mark, and where the mark was. */
function marked(text: string): { text: string; line: number; column: number } {
  const before = text.slice(0, text.indexOf("⟨⟩")).split("\n");
  return { text: text.replace("⟨⟩", ""), line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

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
      teams: [{ name: "engineering", at: { line: 9, column: 17 } }],
      keys: [
        {
          name: "alice-laptop",
          team: "engineering",
          purpose: "agent",
          secret: keySecret,
          tools: ["github/*", "files/read_*"],
          at: { line: 11, column: 11 },
        },
        {
          name: "ci",
          team: "engineering",
          purpose: "service",
          secret: serviceSecret,
          tools: [],
          expiresAtMs: Date.UTC(2027, 0, 31, 17),
          at: { line: 15, column: 13 },
        },
      ],
      servers: [
        {
          name: "github",
          url: "https://mcp.github.example/mcp",
          headers: [{ name: "Authorization", prefix: "Bearer ", source: { value: "ghp-planted-secret" } }],
          timeoutSeconds: 60,
          allowPrivateNetwork: false,
          at: { line: 3, column: 13 },
        },
        {
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
    expect(taken("version: 1\n")).toEqual({ teams: [], keys: [], servers: [] });
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
    expect(taken("\uFEFFversion: 1\r\nteams:\r\n  - name: t\r\n").teams).toEqual([
      { name: "t", at: { line: 3, column: 11 } },
    ]);
  });
});

const head = "version: 1\nteams: [{ name: engineering }]\n";
const key = (fields: string) => `${head}keys:\n  - { name: a, team: engineering, ${fields} }\n`;
const server = (fields: string) => `version: 1\nservers:\n  - { name: s, url: https://s.example/mcp, ${fields} }\n`;

const refused: [what: string, text: string, message: string][] = [
  ["an empty file", "⟨⟩", "The file is empty; it must at least say `version: 1`."],
  ["nothing but a comment", "⟨⟩# nothing\n", "The file is empty; it must at least say `version: 1`."],
  ["a list as root", "⟨⟩- version: 1\n", "The file must be a mapping of fields, but is a list."],
  ["a text as root", "⟨⟩version 1\n", "The file must be a mapping of fields, but is text."],
  ["no version", "⟨⟩teams: []\n", "The file lacks the field `version`."],
  ["another version", "version: ⟨⟩2\n", "`version` is not a version of the format that is known here; write 1."],
  ["a version in quotes", 'version: ⟨⟩"1"\n', "`version` must be a whole number, but is text."],
  [
    "a bracket left open",
    "version: 1\nteams: [{ name: a }\n⟨⟩",
    "The file is not valid YAML here: the indentation does not fit the lines around it, or a bracket was left open.",
  ],
  [
    "a quote left open",
    "version: 1\nteams: [{ name: 'a }]⟨⟩",
    "The file is not valid YAML here: a closing quote or bracket, a comma, a colon or a space is missing.",
  ],
  [
    "a tab as indent",
    "version: 1\nteams:\n⟨⟩\t- name: a\n",
    "The file is not valid YAML here: a tab indents the line; use spaces.",
  ],
  [
    "a second document",
    "version: 1\n⟨⟩---\nversion: 1\n",
    "The file is not valid YAML here: a second document begins; a file is one.",
  ],
  ["a tag", "version: 1\nteams: [{ name: ⟨⟩!planted a }]\n", "The file is not valid YAML here: the tag is not known."],
  ["an alias of nothing", "version: 1\nteams: ⟨⟩*planted\n", "The file has an alias here without an anchor before it."],
  [
    "an alias of what holds it",
    "version: 1\nteams: &t [⟨⟩*t]\n",
    "The file has an alias here without an anchor before it.",
  ],
  ["a field twice", "version: 1\n⟨⟩version: 1\n", "The file has the same field twice; the first is on line 1."],
  [
    "a field twice in an entry",
    "version: 1\nteams:\n  - name: a\n    ⟨⟩name: b\n",
    "`teams[0]` has the same field twice; the first is on line 3.",
  ],
  ["a field that is no text", "version: 1\n⟨⟩1: a\n", "The file has a field whose name is not text."],
  [
    "an unknown section",
    "version: 1\n⟨⟩teems: []\n",
    "The file has an unknown field `teems`; the nearest that it takes is `teams`.",
  ],
  [
    "an unknown field",
    key("⟨⟩colour: red"),
    "`keys[0]` has an unknown field `colour`; it takes name, team, purpose, secret, tools, expiresAt.",
  ],
  [
    "an unknown field near a known one",
    key("⟨⟩tols: []"),
    "`keys[0]` has an unknown field `tols`; the nearest that it takes is `tools`.",
  ],
  ["a section as a mapping", "version: 1\nteams: ⟨⟩{ a: 1 }\n", "`teams` must be a list, but is a mapping."],
  ["a section without anything", "version: 1\n⟨⟩teams:\n", "`teams` is empty; it must be a list."],
  ["an entry without a name", "version: 1\nteams:\n  - ⟨⟩{}\n", "`teams[0]` lacks the field `name`."],
  ["an entry that is text", "version: 1\nteams: [⟨⟩a]\n", "`teams[0]` must be a mapping of fields, but is text."],
  [
    "a name that is a number",
    "version: 1\nteams: [{ name: ⟨⟩42 }]\n",
    "`teams[0].name` must be text, but is a number; put it in quotes.",
  ],
  [
    "a bad name",
    "version: 1\nteams: [{ name: ⟨⟩Platform Team }]\n",
    "`teams[0].name` is not a name: 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit.",
  ],
  [
    "a team twice",
    "version: 1\nteams:\n  - name: a\n  - name: ⟨⟩a\n",
    "`teams[1].name` is `a` as on line 3; names are unique.",
  ],
  [
    "a key twice",
    `${head}keys: [{ name: a, team: engineering }, { name: ⟨⟩a, team: engineering }]\n`,
    "`keys[1].name` is `a` as on line 3; names are unique.",
  ],
  [
    "a server twice",
    "version: 1\nservers: [{ name: a, url: http://a }, { name: ⟨⟩a, url: http://a }]\n",
    "`servers[1].name` is `a` as on line 2; names are unique.",
  ],
  ["a key without a team", `${head}keys: [⟨⟩{ name: a }]\n`, "`keys[0]` lacks the field `team`."],
  [
    "a team that is not there",
    `${head}keys: [{ name: a, team: ⟨⟩enginering }]\n`,
    "`keys[0].team` names no team of this file; the nearest is `engineering`.",
  ],
  ["a purpose that is none", key("purpose: ⟨⟩robot"), "`keys[0].purpose` is not a purpose; it is agent or service."],
  ["tools that are text", key("tools: ⟨⟩github/*"), "`keys[0].tools` must be a list, but is text."],
  ["a tool without a server", key("tools: [a/b, ⟨⟩search]"), "`keys[0].tools[1]` is not of the form server/tool."],
  ["a tool with an empty segment", key("tools: [⟨⟩a/]"), "`keys[0].tools[0]` has an empty segment."],
  [
    "a tool group",
    key("tools: [⟨⟩group:research]"),
    "`keys[0].tools[0]` names a tool group, which is not supported by this version yet.",
  ],
  [
    "an expiry without a zone",
    key("expiresAt: ⟨⟩2027-01-31T18:00:00"),
    "`keys[0].expiresAt` is not an instant as 2027-01-31T18:00:00Z.",
  ],
  [
    "an expiry on February 30",
    key("expiresAt: ⟨⟩2027-02-30T18:00:00Z"),
    "`keys[0].expiresAt` is not an instant as 2027-01-31T18:00:00Z.",
  ],
  [
    "a key's secret in clear",
    key(`secret: ⟨⟩${keySecret}`),
    "`keys[0].secret` must be { env: NAME }, { secret: NAME } or { value: TEXT }, but is text.",
  ],
  [
    "a variable that is not set",
    key("secret: { env: ⟨⟩NOBODY }"),
    "`keys[0].secret.env` names an environment variable, NOBODY, that is not set.",
  ],
  [
    "a variable that is empty",
    key("secret: { env: ⟨⟩EMPTY }"),
    "`keys[0].secret.env` names an environment variable, EMPTY, that is empty.",
  ],
  [
    "a key where a variable's name should be",
    key(`secret: { env: ⟨⟩${keySecret} }`),
    "`keys[0].secret.env` names an environment variable that is not set.",
  ],
  [
    "no variable's name",
    key('secret: { env: ⟨⟩"planted secret" }'),
    "`keys[0].secret.env` is not the name of an environment variable.",
  ],
  [
    "a key that was cut off",
    key("secret: ⟨⟩{ env: CUT_OFF }"),
    "`keys[0].secret` is not a Tollgate key: its form or its check characters are wrong.",
  ],
  [
    "an admin token as a key",
    key("secret: ⟨⟩{ env: ADMIN }"),
    "`keys[0].secret` is a key of another kind; the purpose agent needs tg_key_….",
  ],
  [
    "a service's key for an agent",
    key("secret: ⟨⟩{ env: CI_KEY }"),
    "`keys[0].secret` is a key of another kind; the purpose agent needs tg_key_….",
  ],
  [
    "a stored secret as a key",
    key("secret: ⟨⟩{ secret: stored }"),
    "`keys[0].secret` is `{ env: NAME }` or `{ value: TEXT }` and nothing more.",
  ],
  [
    "one secret for two keys",
    `${head}keys:\n  - { name: a, team: engineering, secret: { env: ALICE_KEY } }\n  - { name: b, team: engineering, secret: ⟨⟩{ env: ALICE_KEY } }\n`,
    "`keys[1].secret` is the secret of line 4 again; every key has its own.",
  ],
  ["no URL", "version: 1\nservers: [⟨⟩{ name: a }]\n", "`servers[0]` lacks the field `url`."],
  [
    "a URL of another scheme",
    "version: 1\nservers: [{ name: a, url: ⟨⟩ftp://a }]\n",
    "`servers[0].url` is not a URL that begins with http:// or https://.",
  ],
  [
    "a URL that is none",
    "version: 1\nservers: [{ name: a, url: ⟨⟩http://a:99999/ }]\n",
    "`servers[0].url` is not a URL.",
  ],
  [
    "a URL with a password",
    "version: 1\nservers: [{ name: a, url: ⟨⟩http://me:planted@a/ }]\n",
    "`servers[0].url` holds a user name or password; send credentials in `headers`.",
  ],
  [
    "a transport that is none",
    server("transport: ⟨⟩carrier-pigeon"),
    "`servers[0].transport` is not a transport; the one that this version serves is http.",
  ],
  [
    "a timeout below 1",
    server("timeoutSeconds: ⟨⟩0"),
    "`servers[0].timeoutSeconds` is not a whole number from 1 to 3600.",
  ],
  [
    "a timeout with a fraction",
    server("timeoutSeconds: ⟨⟩1.5"),
    "`servers[0].timeoutSeconds` is not a whole number from 1 to 3600.",
  ],
  [
    "a claim that is neither true nor false",
    server("allowPrivateNetwork: ⟨⟩yes"),
    "`servers[0].allowPrivateNetwork` must be true or false, but is text.",
  ],
  [
    "a header's value in clear",
    server("headers: { x-a: ⟨⟩planted }"),
    "`servers[0].headers.x-a` must be { env: NAME }, { secret: NAME } or { value: TEXT }, but is text.",
  ],
  [
    "a value where a header's name should be",
    server('headers: { ⟨⟩"Bearer planted": { value: x } }'),
    "`servers[0].headers` has a name that is not the name of an HTTP header.",
  ],
  [
    "a header of the gate's own",
    server("headers: { ⟨⟩Host: { value: x } }"),
    "`servers[0].headers` has a name that is a header that the gate sets itself.",
  ],
  [
    "a header twice",
    server("headers: { x-a: { value: x }, ⟨⟩X-A: { value: y } }"),
    "`servers[0].headers` has the header of line 3 again.",
  ],
  [
    "a header with a line break",
    server("headers: { x-a: ⟨⟩{ env: BROKEN } }"),
    "`servers[0].headers.x-a` has a value that holds a line break, which no header may.",
  ],
  [
    "two sources of one header",
    server("headers: { x-a: ⟨⟩{ env: GH_TOKEN, value: planted } }"),
    "`servers[0].headers.x-a` must have exactly one of `env`, `secret` and `value`.",
  ],
  [
    "no source of a header",
    server("headers: { x-a: ⟨⟩{ prefix: planted } }"),
    "`servers[0].headers.x-a` must have exactly one of `env`, `secret` and `value`.",
  ],
  [
    "a source that is a secret",
    server("headers: { x-a: { value: x, ⟨⟩planted } }"),
    "`servers[0].headers.x-a` has an unknown field; it takes env, value, secret, prefix.",
  ],
  [
    "a source of a later version",
    server("headers: { x-a: { ⟨⟩vault: x } }"),
    "`servers[0].headers.x-a.vault` is not supported by this version yet.",
  ],
];

describe("a file with a mistake is refused with its place", () => {
  test.each(refused)("%s", (_, text, message) => {
    const { text: file, line, column } = marked(text);
    expect(issuesOf(file).map((issue) => formatIssue("f.yaml", issue))).toEqual([
      `f.yaml:${line}:${column}: ${message}`,
    ]);
  });

  test.each(["providers", "models", "prices", "toolGroups", "policies", "customers", "users"])(
    "the section %s is refused, not ignored",
    (section) => {
      expect(issuesOf(`version: 1\n${section}: []\n`)).toEqual([
        { line: 2, column: 1, path: section, message: `\`${section}\` is not supported by this version yet.` },
      ]);
    },
  );

  test.each([
    ["keys", key("⟨⟩budget: { usd: 5 }")],
    ["keys", key("⟨⟩limits: {}")],
    ["keys", key("⟨⟩models: []")],
    ["teams", "version: 1\nteams: [{ name: a, ⟨⟩budget: {} }]\n"],
    ["servers", server("⟨⟩era: auto")],
  ])("a field of %s that nothing enforces yet is refused", (_, text) => {
    const { text: file, line, column } = marked(text);
    expect(issuesOf(file)).toMatchObject([{ line, column }]);
    expect(issuesOf(file)[0]?.message).toMatch(/is not supported by this version yet\.$/);
  });

  test("a stdio server is one mistake for its transport and one for its command, none for the missing URL", () => {
    const text = "version: 1\nservers:\n  - { name: files, transport: stdio, command: [npx] }\n";
    expect(issuesOf(text).map((issue) => `${issue.line}:${issue.column} ${issue.message}`)).toEqual([
      "3:31 `servers[0].transport` is stdio, which is not supported by this version yet.",
      "3:38 `servers[0].command` is not supported by this version yet.",
    ]);
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
    // A field's own name is the one thing that a message repeats, and only where it is a plain word.
    const isValueAt = (index: number) => !words[index + 1]?.startsWith(":");
    for (const [index, word] of words.entries()) {
      if (!/^[\w.-]+$/.test(word) || !isValueAt(index)) continue;
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
        // Inside a section a word as a field's name is told; that is the price of a useful message.
        const issues = issuesOf(text).filter((issue) => !/has an unknown field `/.test(issue.message));
        expect(JSON.stringify(issues), text).not.toContain("PLANTED");
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
