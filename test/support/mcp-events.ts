// Reads what a gate answers message by message, whether it came as JSON or as an event stream, for tests that are clients.

export type Message = { readonly id?: unknown; readonly method?: string; readonly [member: string]: unknown };

export async function* eventsOf(answer: Response): AsyncGenerator<Message> {
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (!isStream) return yield JSON.parse(await answer.text());
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = text
        .slice(0, end)
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trim())
        .join("\n");
      text = text.slice(end + 2);
      if (data !== "") yield JSON.parse(data);
    }
  }
}

/** The next message that is wanted; the stream can be read on behind it. */
export async function messageIn(
  events: AsyncGenerator<Message>,
  isWanted: (message: Message) => boolean,
): Promise<Message> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error("the stream ended before the message that was waited for");
    if (isWanted(value)) return value;
  }
}
