// What the clients of both eras have in common when a scenario is played: they ask, are asked back in the middle of it, and
// get a result or a refusal. No SDK is in it, which would mend on its own what the gate did wrong. Each client is in a file of
// its own; it does what its era's specification wants of a client, and no more than the scenarios need.

export type Message = Record<string, unknown>;

export type EndClient = {
  /** The result; a refusal throws `Refused`. */
  request(method: string, params?: object): Promise<Message>;
  close(): Promise<void>;
};

export type Connecting = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly capabilities: object;
  /** What it answers to a question of the server's. */
  readonly answer: Answerer;
};

export type Answerer = (method: string, params: Message) => Promise<object>;

export class Refused extends Error {
  readonly code: unknown;

  constructor(method: string, error: unknown) {
    const { code, message } = messageFrom(error);
    super(`${method} was refused: ${String(message)} (${String(code)})`);
    this.code = code;
  }
}

export function resultOf(method: string, message: Message): Message {
  if (message["error"] !== undefined) throw new Refused(method, message["error"]);
  return messageFrom(message["result"]);
}

/** What is no object has no members. */
export function messageFrom(value: unknown): Message {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** All pages. */
export async function listed(client: EndClient, method: string, member: string): Promise<Message[]> {
  const items: Message[] = [];
  for (let cursor: unknown; ;) {
    const result = await client.request(method, cursor === undefined ? {} : { cursor });
    const page = result[member];
    if (!Array.isArray(page)) throw new Error(`${method} gave no ${member}`);
    items.push(...page.map(messageFrom));
    cursor = result["nextCursor"];
    if (cursor === undefined) return items;
  }
}

/** A person who takes what a form proposes, and says yes to what it does not. */
export async function acceptDefaults(method: string, params: Message): Promise<object> {
  if (method !== "elicitation/create") throw new Error(`asked for ${method}`);
  const { properties } = messageFrom(params["requestedSchema"]);
  const content = Object.entries(messageFrom(properties)).flatMap(([name, schema]) => {
    const { default: proposed, type } = messageFrom(schema);
    if (proposed !== undefined) return [[name, proposed]];
    return type === "boolean" ? [[name, true]] : [];
  });
  return { action: "accept", content: Object.fromEntries(content) };
}
