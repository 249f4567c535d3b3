// What a client of either era can see of a server: what it says of itself, its lists to the last page, each resource and
// prompt of these, and the answers to given calls. All of it is text as it came (raw-message.ts). Two observations of a server that is in the same state are
// equal, as far as servers.ts does not name what varies; so where one goes through a gate and they differ, it is the gate.
import type { RawClient } from "./raw-client.ts";
import { arrayItems, memberText, type RawMessage } from "./raw-message.ts";
import { z } from "zod";

export interface ToolCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The text of `result`, or of `error` where it was refused. */
export type Answer = { readonly result: string } | { readonly error: string };

export interface Observation {
  /** Or what `server/discover` says. */
  readonly initialize: Answer;
  /** A page each; empty where the server declares no such capability. */
  readonly tools: readonly Answer[];
  readonly prompts: readonly Answer[];
  readonly resources: readonly Answer[];
  readonly resourceTemplates: readonly Answer[];
  /** In the order of the list. */
  readonly prompted: readonly Answer[];
  readonly read: readonly Answer[];
  readonly calls: readonly { readonly call: ToolCall; readonly answer: Answer }[];
}

export interface ObserveOptions {
  readonly calls: readonly ToolCall[];
  /** For prompts that want any, by the arguments' names. */
  readonly promptArguments?: Readonly<Record<string, string>>;
  /** Resources that no list names. */
  readonly uris?: readonly string[];
  /** Gets no prompt and reads no resource. */
  readonly isListsOnly?: boolean;
  readonly protocolVersion?: string;
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** Names the tool where the server is seen under other names. */
  readonly nameOf?: (tool: string) => string;
}

const pagesMax = 100;
const newestLegacyVersion = "2025-11-25";

export async function observe(client: RawClient, options: ObserveOptions): Promise<Observation> {
  const { calls, protocolVersion = newestLegacyVersion } = options;
  const { capabilities: declared = {}, nameOf = (tool: string) => tool } = options;
  let id = 0;
  const ask = (method: string, params: unknown) => client.request(++id, method, params);
  const clientInfo = { name: "observer", version: "1.0.0" };
  const initialized = client.isModern
    ? await ask("server/discover", {})
    : await ask("initialize", { protocolVersion, capabilities: declared, clientInfo });
  if (!client.isModern) await client.notify("notifications/initialized");
  const { capabilities } = initializeResult.parse(initialized.envelope.result);

  const list = async (method: string, isDeclared: boolean): Promise<Answer[]> => {
    if (!isDeclared) return [];
    const pages: Answer[] = [];
    for (let cursor: string | undefined; pages.length < pagesMax;) {
      const page = await ask(method, cursor === undefined ? {} : { cursor });
      pages.push(answerOf(page));
      cursor = paged.safeParse(page.envelope.result).data?.nextCursor;
      if (cursor === undefined) return pages;
    }
    throw new Error(`${method} has more than ${pagesMax} pages`);
  };

  const lists = {
    tools: await list("tools/list", capabilities.tools !== undefined),
    prompts: await list("prompts/list", capabilities.prompts !== undefined),
    resources: await list("resources/list", capabilities.resources !== undefined),
    resourceTemplates: await list("resources/templates/list", capabilities.resources !== undefined),
  };
  const { prompted, read } = options.isListsOnly ? nothing : await everyOne(ask, lists, options);
  const answers: { call: ToolCall; answer: Answer }[] = [];
  for (const call of calls) {
    const answer = await ask("tools/call", { name: nameOf(call.tool), arguments: call.arguments });
    answers.push({ call, answer: answerOf(answer) });
  }
  return { initialize: answerOf(initialized), ...lists, prompted, read, calls: answers };
}

const nothing = { prompted: [], read: [] };

/** Each prompt, and each resource. */
async function everyOne(
  ask: (method: string, params: unknown) => Promise<RawMessage>,
  lists: Pick<Observation, "prompts" | "resources">,
  { promptArguments = {}, uris = [] }: ObserveOptions,
): Promise<Pick<Observation, "prompted" | "read">> {
  const prompted: Answer[] = [];
  for (const prompt of itemsOf(lists.prompts, "prompts")) {
    const { name, arguments: wanted = [] } = listedPrompt.parse(JSON.parse(prompt));
    const known = wanted.map((argument): [string, string | undefined] => [
      argument.name,
      promptArguments[argument.name],
    ]);
    const given = Object.fromEntries(known.filter(([, value]) => value !== undefined));
    prompted.push(answerOf(await ask("prompts/get", { name, arguments: given })));
  }
  const read: Answer[] = [];
  const listed = itemsOf(lists.resources, "resources").map((item) => listedResource.parse(JSON.parse(item)).uri);
  for (const uri of [...listed, ...uris]) read.push(answerOf(await ask("resources/read", { uri })));
  return { prompted, read };
}

/** Of all pages, each item as it came. */
export function itemsOf(pages: readonly Answer[], list: string): string[] {
  return pages.flatMap((page) => ("result" in page ? arrayItems(memberText(page.result, list) ?? "[]") : []));
}

const listedPrompt = z.looseObject({
  name: z.string(),
  arguments: z.array(z.looseObject({ name: z.string() })).optional(),
});
const listedResource = z.looseObject({ uri: z.string() });

const initializeResult = z.looseObject({
  capabilities: z.looseObject({
    tools: z.unknown().optional(),
    prompts: z.unknown().optional(),
    resources: z.unknown().optional(),
  }),
});
const paged = z.looseObject({ nextCursor: z.string().optional() });

function answerOf({ text }: RawMessage): Answer {
  const result = memberText(text, "result");
  return result === undefined ? { error: memberText(text, "error") ?? "" } : { result };
}
