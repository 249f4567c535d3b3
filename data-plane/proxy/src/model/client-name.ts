// Which program a client is, by the first product of its user agent: "claude-cli/2.1.329 (external, cli)", "OpenAI/Python 1.2".
// It is what the client says, for records alone.

const charsMax = 128;

export function clientNameIn(userAgent: string | undefined): { clientName: string; clientVersion: string } {
  const text = (userAgent ?? "").slice(0, charsMax);
  const [, name, version] = /^(\S+?)[/ ]v?(\d[^\s;,()]*)/.exec(text) ?? [];
  if (name !== undefined && version !== undefined) return { clientName: name, clientVersion: version };
  return { clientName: text.split(/[\s/]/)[0] ?? "", clientVersion: "" };
}
