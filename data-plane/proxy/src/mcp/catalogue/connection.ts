// How the gate itself talks to a server for its catalogue, in the era that the server speaks: who it is, its lists, and being
// told when they change. Which era that is is found out here once: a modern server answers `server/discover`; what answers
// otherwise is asked for a legacy handshake, unless the answer proves nothing about it.

import { TollgateError } from "@tollgate/kernel/errors";
import { membersOf, textIn } from "../../bytes/edits.ts";
import { memberFinder, MemberRefusal, valueOf } from "../../bytes/members.ts";
import { readError, type ServerNotification } from "../wire/message.ts";
import { nextId } from "../upstream/call.ts";
import { ask, type AskParts } from "../upstream/ask.ts";
import { LegacySession } from "../upstream/legacy-session.ts";
import { askModern, ModernCall, modernHeaders, modernVersion, ownMeta } from "../upstream/modern-call.ts";
import { listKinds, noCapabilities, type Capabilities, type Era, type ListKind } from "./catalogue.ts";

export type Introduction = {
  readonly era: Era;
  readonly version: string;
  readonly serverInfo: string;
  readonly instructions: string;
  readonly capabilities: Capabilities;
};

export type Meter = (bytes: number) => TollgateError | undefined;

export type Connection = {
  readonly introduction: Introduction;
  list(method: string, cursor: string | undefined, meter: Meter): Promise<Buffer>;
  close(): void;
};

export type ConnectionEvents = {
  onListChanged(kinds: readonly ListKind[]): void;
  /** It may be gone, or changed without a word: its stream broke. */
  onSuspect(): void;
  onLost(reason: string): void;
};

export const ownInfo = '{"name":"tollgate","version":"0.1.0"}';
/** Everything that the gate can bring to a client: servers show some tools only to who declares it. */
const bridged = '{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{"listChanged":true}}';

export async function connect(
  parts: AskParts,
  order: readonly Era[],
  interactive: boolean,
  events: ConnectionEvents,
): Promise<Connection> {
  const declared = interactive ? bridged : "{}";
  const isOnly = order.length === 1;
  if (order[0] === "legacy") {
    try {
      return await connectLegacy(parts, declared, events);
    } catch (error) {
      if (isOnly || !(error instanceof TollgateError) || error.code !== "upstream.protocol") throw error;
      const answer = await discover(parts, declared, true);
      if (answer === undefined) throw error;
      return connectModern(parts, declared, answer, events);
    }
  }
  const answer = await discover(parts, declared, isOnly);
  return answer === undefined ? connectLegacy(parts, declared, events) : connectModern(parts, declared, answer, events);
}

/** Undefined where the server is of the legacy era. */
async function discover(parts: AskParts, declared: string, mustBeModern: boolean): Promise<Buffer | undefined> {
  const id = nextId();
  const headers = modernHeaders(parts, { method: "server/discover", name: undefined, paramHeaders: [] });
  const params = `{"_meta":${ownMeta(declared, ownInfo)}}`;
  let status = 0;
  let message: Buffer;
  try {
    ({ message } = await ask(
      parts,
      headers,
      id,
      "server/discover",
      params,
      undefined,
      (rejected) => (status = rejected),
    ));
  } catch (error) {
    if (!(error instanceof TollgateError) || mustBeModern) throw error;
    // Who may not come in, or meets a server in trouble, has not learned what it speaks. A server that trips over a method that
    // it does not know says 500 or 501, and is in no trouble.
    const saysNothing = status === 401 || status === 403 || status > 501 || error.code !== "upstream.protocol";
    if (saysNothing) throw statusError(status, error);
    return undefined;
  }
  if (find(message)["result>supportedVersions"] !== undefined && speaksModern(message)) return message;
  const code = readError(message)?.code;
  if (mustBeModern || (code !== undefined && modernErrors.has(code) && !namesLegacy(message)))
    throw new TollgateError("upstream.protocol", `It does not speak ${modernVersion}.`);
  return undefined;
}

export class StatusError extends TollgateError {
  readonly status: number;

  constructor(status: number, error: TollgateError) {
    super(error.code, error.detail, { cause: error });
    this.status = status;
  }
}

function statusError(status: number, error: TollgateError): TollgateError {
  return status === 0 ? error : new StatusError(status, error);
}

const modernErrors: ReadonlySet<number> = new Set([-32020, -32021, -32022]);
const find = memberFinder([
  "result>supportedVersions",
  "result>capabilities",
  "result>instructions",
  "result>serverInfo",
  "result>_meta>io.modelcontextprotocol/serverInfo",
  "error>data>supported",
]);

function speaksModern(message: Buffer): boolean {
  const span = find(message)["result>supportedVersions"];
  const versions = span && valueOf(message, span);
  return Array.isArray(versions) && versions.includes(modernVersion);
}

function namesLegacy(message: Buffer): boolean {
  const span = find(message)["error>data>supported"];
  const versions = span && valueOf(message, span);
  return Array.isArray(versions) && versions.some((version) => typeof version === "string" && version < modernVersion);
}

function connectModern(parts: AskParts, declared: string, answer: Buffer, events: ConnectionEvents): Connection {
  const introduction = introductionOf("modern", modernVersion, answer);
  const meta = `"_meta":${ownMeta(declared, ownInfo)}`;
  const { listChanged } = introduction.capabilities;
  const listening = listChanged.length === 0 ? undefined : listen(parts, meta, listChanged, events);
  return {
    introduction,
    list(method, cursor, meter) {
      const params = cursor === undefined ? `{${meta}}` : `{"cursor":${JSON.stringify(cursor)},${meta}}`;
      return askModern(parts, nextId(), method, params, meter);
    },
    close: () => listening?.cancel(),
  };
}

function listen(parts: AskParts, meta: string, kinds: readonly ListKind[], events: ConnectionEvents): ModernCall {
  const wanted = [...new Set(kinds.map((kind) => filterOf[kind]))].map((member) => `"${member}":true`).join(",");
  const id = nextId();
  const method = "subscriptions/listen";
  const body = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{"notifications":{${wanted}},${meta}}}`;
  const lost = (reason: string) => events.onLost(`Its stream of changes ended: ${reason}`);
  return new ModernCall(
    parts,
    { id, method, name: undefined, paramHeaders: [], body: Buffer.from(body), stays: true },
    {
      onNotification: (notification) => tellChange(notification, events),
      onRequest: () => undefined,
      onResponse: () => lost("it said so."),
      onFailed: ({ message }) => lost(message),
    },
  );
}

const filterOf: Record<ListKind, string> = {
  tools: "toolsListChanged",
  prompts: "promptsListChanged",
  resources: "resourcesListChanged",
  templates: "resourcesListChanged",
};

async function connectLegacy(parts: AskParts, declared: string, events: ConnectionEvents): Promise<Connection> {
  const session = await LegacySession.open(parts, {
    declared,
    clientInfo: ownInfo,
    events: {
      onNotification: (notification) => tellChange(notification, events),
      onRequest: ({ id, method }) => refuse(session, id, method),
      onStreamBroken: () => events.onSuspect(),
      onEnded: () => events.onLost("It ended the session."),
    },
  });
  const introduction = introductionOf("legacy", session.handshake.version, session.handshake.answer);
  if (introduction.capabilities.listChanged.length > 0) void session.openStream();
  return {
    introduction,
    list: (method, cursor, meter) =>
      session.request(method, cursor === undefined ? "{}" : JSON.stringify({ cursor }), meter),
    close: () => session.close(),
  };
}

/** No client stands behind the gate's own session: there is nobody to ask. */
function refuse(session: LegacySession, id: string, method: string): void {
  const answer = method === "ping" ? '"result":{}' : '"error":{"code":-32601,"message":"No client is there to ask."}';
  session.post(`{"jsonrpc":"2.0","id":${id},${answer}}`).catch(() => undefined); // It asks again, or does without.
}

const changes: { readonly [method: string]: readonly ListKind[] } = {
  "notifications/tools/list_changed": ["tools"],
  "notifications/prompts/list_changed": ["prompts"],
  "notifications/resources/list_changed": ["resources", "templates"],
};

export function changedBy(method: string): readonly ListKind[] {
  return changes[method] ?? [];
}

function tellChange({ method }: ServerNotification, events: ConnectionEvents): void {
  const kinds = changedBy(method);
  if (kinds.length > 0) events.onListChanged(kinds);
}

function introductionOf(era: Era, version: string, answer: Buffer): Introduction {
  try {
    const spans = find(answer);
    const info = spans["result>_meta>io.modelcontextprotocol/serverInfo"] ?? spans["result>serverInfo"];
    const instructions = spans["result>instructions"] && valueOf(answer, spans["result>instructions"]);
    const capabilities = spans["result>capabilities"] && textIn(answer, spans["result>capabilities"]);
    return {
      era,
      version,
      serverInfo: info === undefined ? "" : textIn(answer, info),
      instructions: typeof instructions === "string" ? instructions : "",
      capabilities: capabilities === undefined ? noCapabilities : capabilitiesOf(capabilities),
    };
  } catch (error) {
    if (error instanceof MemberRefusal)
      throw new TollgateError("upstream.protocol", `Its handshake: ${error.problem}.`);
    throw error;
  }
}

const capabilityOf: Record<ListKind, string> = {
  tools: "tools",
  prompts: "prompts",
  resources: "resources",
  templates: "resources",
};

function capabilitiesOf(text: string): Capabilities {
  const bytes = Buffer.from(text);
  const members = membersOf(bytes, { start: 0, end: bytes.length });
  const flag = (name: string, flagName: string): boolean => {
    const span = members.get(name);
    const value = span && membersOf(bytes, span).get(flagName);
    return value !== undefined && textIn(bytes, value) === "true";
  };
  const lists = listKinds.filter((kind) => members.has(capabilityOf[kind]));
  return {
    lists,
    listChanged: lists.filter((kind) => flag(capabilityOf[kind], "listChanged")),
    canSubscribe: flag("resources", "subscribe"),
    canComplete: members.has("completions"),
    canLog: members.has("logging"),
  };
}
