// Files that must be refused, each with the one message it must give. `⟨⟩` marks the offending place, so that the expected
// line and column are seen, not counted.

import { formatKey } from "../key-format.ts";

export const keySecret = formatKey("key", "0123456789abcdef", new Uint8Array(32).fill(7));
export const serviceSecret = formatKey("svc", "fedcba9876543210", new Uint8Array(32).fill(8));
export const adminSecret = formatKey("adm", "00000000000000aa", new Uint8Array(32).fill(9));
export const variables: Record<string, string> = {
  ALICE_KEY: keySecret,
  CI_KEY: serviceSecret,
  ADMIN: adminSecret,
  CUT_OFF: keySecret.slice(0, -1),
  GH_TOKEN: "ghp-planted-secret",
  BROKEN: "planted\r\nx-evil: 1",
  EMPTY: "",
};

/** The text without its mark, and where the mark was. */
export function marked(text: string): { text: string; line: number; column: number } {
  const before = text.slice(0, text.indexOf("⟨⟩")).split("\n");
  return { text: text.replace("⟨⟩", ""), line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

const head = "version: 1\nteams: [{ name: engineering }]\n";
export const key = (fields: string) => `${head}keys:\n  - { name: a, team: engineering, ${fields} }\n`;
export const server = (fields: string) =>
  `version: 1\nservers:\n  - { name: s, url: https://s.example/mcp, ${fields} }\n`;

const provider = (fields: string) => `version: 1\nproviders:\n  - { name: p, kind: openai, ${fields} }\n`;
const credential = "credential: { env: GH_TOKEN }";
const withProvider = (rest: string) => `${provider(credential)}${rest}\n`;
const price = (fields: string) =>
  `version: 1\nprices:\n  - { model: openai/gpt-5, inputPerMillion: 1.25, outputPerMillion: 10, ${fields} }\n`;

const stdio = (fields: string) => `version: 1\nservers:\n  - { name: s, transport: stdio, ${fields} }\n`;

export const refused: [what: string, text: string, message: string][] = [
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
    "version: 1\nteams: [{ name: 'a }]\n⟨⟩",
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
    "`keys[0]` has an unknown field `colour`; it takes name, team, user, purpose, secret, tools, models, labels, expiresAt.",
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
    "a tool group that is not there",
    `${key("tools: [⟨⟩group:reserch]")}toolGroups: [{ name: research, tools: [a/b] }]\n`,
    "`keys[0].tools[0]` names no tool group of this file; the nearest is `research`.",
  ],
  [
    "a tool group twice",
    "version: 1\ntoolGroups: [{ name: g, tools: [] }]\nteams: [{ name: t, tools: [group:g, ⟨⟩group:g] }]\n",
    "`teams[0].tools[1]` names a group again.",
  ],
  [
    "a tool group within one",
    "version: 1\ntoolGroups: [{ name: g, tools: [⟨⟩group:g] }]\n",
    "`toolGroups[0].tools[0]` names a tool group, and groups hold none.",
  ],
  [
    "a tool group without tools",
    "version: 1\ntoolGroups: [⟨⟩{ name: g }]\n",
    "`toolGroups[0]` lacks the field `tools`.",
  ],
  [
    "a naming that is none",
    "version: 1\ntoolGroups: [{ name: g, tools: [], naming: ⟨⟩never }]\n",
    "`toolGroups[0].naming` is none of auto, always and none.",
  ],
  [
    "a resource without its server",
    key("tools: [⟨⟩resource:x]"),
    "`keys[0].tools[0]` is not of the form resource:server/uri.",
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
    "`servers[0].transport` is none of http, sse and stdio.",
  ],
  [
    "a program without its command",
    "version: 1\nservers: [⟨⟩{ name: a, transport: stdio }]\n",
    "`servers[0]` lacks the field `command`.",
  ],
  [
    "a program's command for an address",
    server("⟨⟩command: [npx]"),
    "`servers[0].command` is not for the transport http.",
  ],
  [
    "headers for a program",
    "version: 1\nservers: [{ name: a, command: [npx], ⟨⟩headers: { x-a: { value: planted } } }]\n",
    "`servers[0].headers` is not for the transport stdio.",
  ],
  ["a command that is a line", stdio("command: ⟨⟩npx planted"), "`servers[0].command` must be a list, but is text."],
  ["a command without a program", stdio("command: ⟨⟩[]"), "`servers[0].command` names no program."],
  [
    "a variable with a name that is none",
    stdio("command: [a], environment: { ⟨⟩ghp-planted: x }"),
    "`servers[0].environment` has a name that is not the name of an environment variable.",
  ],
  [
    "a variable without a value",
    stdio("command: [a], environment: { ⟨⟩A: }"),
    "`servers[0].environment.A` is empty; it must be { env: NAME }, { secret: NAME } or { value: TEXT }.",
  ],
  [
    "a directory that is relative",
    stdio("command: [a], workingDirectory: ⟨⟩docs"),
    "`servers[0].workingDirectory` is not an absolute path.",
  ],
  ["an era that is none", server("era: ⟨⟩old"), "`servers[0].era` is none of auto, legacy and modern."],
  ["a catalogue that is none", server("catalogue: ⟨⟩manual"), "`servers[0].catalogue` is none of auto and pinned."],
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
  [
    "a model pattern with nothing behind its slash",
    key("models: [anthropic/*, ⟨⟩openai/]"),
    "`keys[0].models[1]` names no model behind its slash.",
  ],
  [
    "a team bound by a model pattern that is none",
    "version: 1\nteams: [{ name: t, models: [⟨⟩OpenAI/gpt-5] }]\n",
    "`teams[0].models[0]` names a provider that cannot be.",
  ],
  [
    "a provider without its kind",
    `version: 1\nproviders: [⟨⟩{ name: p, ${credential} }]\n`,
    "`providers[0]` lacks the field `kind`.",
  ],
  [
    "a provider of a kind that is none",
    `version: 1\nproviders: [{ name: p, kind: ⟨⟩gemini, ${credential} }]\n`,
    "`providers[0].kind` is none of anthropic and openai.",
  ],
  [
    "a provider twice",
    `version: 1\nproviders:\n  - { name: p, kind: openai, ${credential} }\n  - { name: ⟨⟩p, kind: openai, ${credential} }\n`,
    "`providers[1].name` is `p` as on line 3; names are unique.",
  ],
  [
    "a base URL with a query",
    provider(`${credential}, baseUrl: ⟨⟩"https://x.example/v1?key=planted"`),
    "`providers[0].baseUrl` has a query, behind which no path can stand.",
  ],
  [
    "a provider without a credential",
    "version: 1\nproviders: [⟨⟩{ name: p, kind: openai }]\n",
    "`providers[0]` must have exactly one of `credential` and `credentials`.",
  ],
  ["a list of no credentials", provider("credentials: ⟨⟩[]"), "`providers[0].credentials` names no credential."],
  [
    "a provider's credential in clear",
    provider("credential: ⟨⟩sk-planted"),
    "`providers[0].credential` must be { env: NAME }, { secret: NAME } or { value: TEXT }, but is text.",
  ],
  [
    "a provider's credential with a prefix",
    provider('credential: ⟨⟩{ env: GH_TOKEN, prefix: "Bearer " }'),
    "`providers[0].credential` takes no prefix; the provider's protocol says where it stands.",
  ],
  [
    "a provider's credential with a line break",
    provider("credential: ⟨⟩{ env: BROKEN }"),
    "`providers[0].credential` has a value that holds a line break, which no header may.",
  ],
  [
    "a named credential without its value",
    provider("credentials: [⟨⟩{ name: a, weight: 2 }]"),
    "`providers[0].credentials[0]` must have exactly one of `env`, `secret` and `value`.",
  ],
  [
    "two credentials of one name",
    provider("credentials: [{ name: a, env: GH_TOKEN }, { name: ⟨⟩a, secret: stored }]"),
    "`providers[0].credentials[1].name` is `a` as on line 3; names are unique.",
  ],
  [
    "a credential that gets no calls",
    provider("credentials: [{ name: a, env: GH_TOKEN, weight: ⟨⟩0 }]"),
    "`providers[0].credentials[0].weight` is not a whole number from 1 to 1000.",
  ],
  [
    "something that is no field of a credential",
    provider("credentials: [{ name: a, env: GH_TOKEN, ⟨⟩planted: x }]"),
    "`providers[0].credentials[0]` has an unknown field; it takes name, env, value, secret, weight, models.",
  ],
  [
    "an alias of a provider that is not there",
    withProvider("models: [{ name: fast, targets: [{ model: ⟨⟩q/gpt-5 }] }]"),
    "`models[0].targets[0].model` names no provider of this file; the nearest is `p`.",
  ],
  [
    "an alias of a model without a provider",
    withProvider("models: [{ name: fast, targets: [{ model: ⟨⟩gpt-5 }] }]"),
    "`models[0].targets[0].model` is not of the form provider/model.",
  ],
  [
    "an alias of many models",
    withProvider("models: [{ name: fast, targets: [{ model: ⟨⟩p/gpt-* }] }]"),
    "`models[0].targets[0].model` holds a star; it is one model's name.",
  ],
  [
    "an alias with a slash in its name",
    withProvider("models: [{ name: ⟨⟩p/fast, targets: [{ model: p/gpt-5 }] }]"),
    "`models[0].name` is not a name: 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit.",
  ],
  [
    "an alias of nothing",
    "version: 1\nmodels: [{ name: fast, targets: ⟨⟩[] }]\n",
    "`models[0].targets` names no model.",
  ],
  [
    "an alias of two models",
    withProvider("models: [{ name: fast, targets: ⟨⟩[{ model: p/a }, { model: p/b }] }]"),
    "`models[0].targets` has more than one target, which is not supported by this version yet.",
  ],
  [
    "a weight of a target",
    withProvider("models: [{ name: fast, targets: [{ model: p/a, ⟨⟩weight: 80 }] }]"),
    "`models[0].targets[0].weight` is not supported by this version yet.",
  ],
  [
    "a price of a provider that is not there",
    "version: 1\nprices: [{ model: ⟨⟩opena/gpt-5, inputPerMillion: 1, outputPerMillion: 1 }]\n",
    "`prices[0].model` names no provider of this file; the nearest is `openai`.",
  ],
  [
    "a price of models with a star in the middle",
    "version: 1\nprices: [{ model: ⟨⟩openai/g*5, inputPerMillion: 1, outputPerMillion: 1 }]\n",
    "`prices[0].model` holds a star; it is one model's name.",
  ],
  [
    "a price without what output costs",
    "version: 1\nprices: [⟨⟩{ model: openai/gpt-5, inputPerMillion: 1 }]\n",
    "`prices[0]` lacks the field `outputPerMillion`.",
  ],
  [
    "a price in the notation of floating-point numbers",
    price("perRequest: ⟨⟩1e-3"),
    "`prices[0].perRequest` is not an amount from 0 to 1000000 dollars, as 0.25, with at most nine decimal places.",
  ],
  [
    "a price that is less than nothing",
    price("perRequest: ⟨⟩-1"),
    "`prices[0].perRequest` is not an amount from 0 to 1000000 dollars, as 0.25, with at most nine decimal places.",
  ],
  [
    "a price with a tenth place",
    price("cachedInputPerMillion: ⟨⟩0.0000000001"),
    "`prices[0].cachedInputPerMillion` is not an amount from 0 to 1000000 dollars, as 0.25, with at most nine decimal places.",
  ],
  [
    "a price that is no amount",
    price("perWebSearch: ⟨⟩{ usd: 1 }"),
    "`prices[0].perWebSearch` must be an amount in dollars, but is a mapping.",
  ],
  [
    "tiers that do not rise",
    price(
      "tiers: [{ inputTokensAbove: 9, inputPerMillion: 1, outputPerMillion: 1 }, { inputTokensAbove: ⟨⟩9, inputPerMillion: 1, outputPerMillion: 1 }]",
    ),
    "`prices[0].tiers[1].inputTokensAbove` is not above that of the tier before.",
  ],
  [
    "a price twice",
    "version: 1\nprices:\n  - { model: openai/a, inputPerMillion: 1, outputPerMillion: 1 }\n  - ⟨⟩{ model: openai/a, inputPerMillion: 2, outputPerMillion: 2 }\n",
    "`prices[1]` is the price of line 3 again.",
  ],
];
