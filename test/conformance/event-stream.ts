// Reads an answer of Streamable HTTP as the messages that it brings, one at a time and as soon as each is there: the events
// of a stream, or the one message of a JSON body. Events without data are left out; ids and retries are not kept.

export async function* messagesOf(response: Response): AsyncGenerator<Record<string, unknown>, void> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    // A JSON-RPC message is an object.
    yield (await response.json()) as Record<string, unknown>;
    return;
  }
  let rest = "";
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) if (/^data: ?\{/.test(line)) yield JSON.parse(line.slice("data:".length));
  }
}
