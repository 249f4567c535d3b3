// What the clients of the benchmark ask of a model: a short question, and a turn of Claude Code late in its session, which is
// 580 kB of tools, files that were read and commands that were run. Made from nothing but numbers, so it is always the same.

export const shortBody = bodyOf({
  max_tokens: 256,
  messages: [{ role: "user", content: "A short question. ".repeat(30) }],
});

export const streamBody = bodyOf({
  max_tokens: 256,
  stream: true,
  messages: [{ role: "user", content: "A short question. ".repeat(30) }],
});

const longBytes = 580_000;
const toolsOffered = 40;

/** As Claude Code writes it: messages first, then system and tools; results hold source code, with its breaks and quotes. */
export function longBody(): Buffer {
  const messages: object[] = [];
  const rest = {
    system: [{ type: "text", text: prose(12_000), cache_control: { type: "ephemeral" } }],
    tools: Array.from({ length: toolsOffered }, (_, index) => tool(index)),
    metadata: { user_id: "user_0000_account__session_00000000-0000-4000-8000-000000000000" },
    max_tokens: 32_000,
  };
  let bytes = bodyOf({ messages, ...rest }).length;
  for (let turn = 0; bytes < longBytes; turn++) {
    const said = turnOf(turn);
    messages.push(...said);
    bytes += JSON.stringify(said).length;
  }
  return bodyOf({ messages, ...rest });
}

/** As Claude Code sends them: what it is, on what it runs, and which session it is. */
export function headersOf(key: string): Record<string, string> {
  return {
    "content-type": "application/json",
    accept: "application/json",
    "user-agent": "claude-cli/2.1.329 (external, cli)",
    "x-api-key": key,
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14",
    "anthropic-dangerous-direct-browser-access": "true",
    "x-app": "cli",
    "x-claude-code-session-id": "00000000-0000-4000-8000-000000000000",
    "x-stainless-arch": "x64",
    "x-stainless-lang": "js",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "1.11.0",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "node",
    "x-stainless-runtime-version": "v26.10.0",
    "x-stainless-timeout": "600",
  };
}

function bodyOf(more: object): Buffer {
  return Buffer.from(JSON.stringify({ model: "claude-sonnet-5", ...more }));
}

function turnOf(turn: number): object[] {
  const id = `toolu_01Bench${String(turn).padStart(12, "0")}`;
  const input = { file_path: `/home/someone/project/src/part-${turn}.ts`, offset: turn, limit: 200 };
  return [
    {
      role: "assistant",
      content: [
        { type: "text", text: prose(200) },
        { type: "tool_use", id, name: "Read", input },
      ],
    },
    { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: sourceCode(60 + (turn % 40)) }] },
  ];
}

function tool(index: number): object {
  const property = (name: string): [string, object] => [name, { type: "string", description: prose(120) }];
  const properties = Object.fromEntries(["path", "pattern", "model", "limit"].map(property));
  return {
    name: `Tool${index}`,
    description: prose(1_500),
    input_schema: { type: "object", properties, required: ["path"], additionalProperties: false },
  };
}

function prose(chars: number): string {
  return 'Words of a description, some of them in quotes: "like these".\n'
    .repeat(Math.ceil(chars / 64))
    .slice(0, chars);
}

function sourceCode(lines: number): string {
  return Array.from(
    { length: lines },
    (_, line) => `${line}\t  const name${line} = read("file-${line}", { at: [${line}] });\n`,
  ).join("");
}
