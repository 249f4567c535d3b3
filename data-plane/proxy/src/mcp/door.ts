// The first `/mcp` door: Streamable HTTP for clients of 2025-03-26 to 2025-11-25, without sessions and without a stream of
// the gate's own. It serves initialize, ping, tools/list and tools/call. It reads the envelope, then hands the call to the
// pipeline; every refusal leaves in JSON-RPC's form. `cursor` of a list is not looked at: there is one page.

import { reachesServer } from "@tollgate/kernel/view";
import { answerJson, requestIdHeader } from "../http/answer.ts";
import { readBody, type BodyOutcome } from "../http/body.ts";
import { credentialIn, type Credential } from "../http/credentials.ts";
import type { Door, Exchange } from "../http/listener.ts";
import { originProblem, type OriginRules } from "../http/origin.ts";
import { authenticate, type ReplicaReader } from "../pipeline/authenticate.ts";
import { authorise } from "../pipeline/authorise.ts";
import type { Admitted, Call, Refusal } from "../pipeline/call.ts";
import type { Counters } from "../pipeline/counters.ts";
import type { Accounts } from "../pipeline/record.ts";
import { errorMessage, httpStatusOf, resultMessage } from "./answers.ts";
import { initializeResult, protocolVersions } from "./initialize.ts";
import { forward, type Forwarding, type McpCall, type ToolCall } from "./tool-call.ts";
import { visibleTools } from "./tool-list.ts";
import { calledName } from "./tool-names.ts";
import { readEnvelope } from "./wire/envelope.ts";
import { textOf, valueOf } from "./wire/members.ts";

export type McpDoorParts = Forwarding & {
  replica: ReplicaReader;
  accounts: Accounts;
  counters: Pick<Counters, "omitted">;
  wallMs: () => number;
  settings: OriginRules & {
    requestBytesMax: number;
    environment: string;
    replicaAgeMsMax: number;
    listBytesMax: number;
  };
};

export function mcpDoor(parts: McpDoorParts): Door {
  const { accounts, counters, settings, log, serverOf } = parts;
  const problemOfOrigin = originProblem(settings);
  const { environment, replicaAgeMsMax } = settings;
  const authentication = { ...parts, environment, replicaAgeMsMax };

  // The line of a tool call. Limits and reservations of money take their place between authorise and the intent.
  const callTool = authorise<ToolCall>(accounts)(accounts.intend<ToolCall>()(forward(parts)));
  const serve = authenticate<McpCall>(authentication)(dispatch);
  const acknowledge = authenticate<Call & { response: Exchange["response"] }>(authentication)(({ call }) => {
    call.response.writeHead(202, { "content-length": 0, [requestIdHeader]: call.requestId }).end();
  });

  return (exchange) => {
    const { request } = exchange;
    if (request.method !== "POST") return refuseMethod(exchange);
    const call = callOf(exchange, 0, "null");
    const problem = problemOfOrigin(request.headers);
    if (problem !== undefined) return accounts.refuse(call, { code: problem });
    const credential = credentialIn(request.headers);
    if (typeof credential === "string") return accounts.refuse(call, { code: credential });
    const refusal = headerRefusal(request.headers);
    if (refusal !== undefined) return accounts.refuse(call, refusal);
    readBody(request, settings.requestBytesMax, (result) => {
      // Called from the request's own event, where nobody would catch: a bug may cost this call and not the worker.
      try {
        receive(exchange, credential, result);
      } catch (error) {
        bug(call, error);
      }
    });
  };

  function receive(exchange: Exchange, credential: Credential, result: BodyOutcome): void {
    if (result.outcome === "broken-off") return;
    if (result.outcome === "too-large") {
      exchange.response.setHeader("connection", "close");
      const detail = `A body has at most ${settings.requestBytesMax} bytes.`;
      return accounts.refuse(callOf(exchange, 0, "null"), { code: "request.too-large", detail });
    }
    const { bytes } = result;
    const envelope = readEnvelope(bytes);
    switch (envelope.kind) {
      case "refused":
        return accounts.refuse(callOf(exchange, bytes.length, "null"), envelope);
      case "notification":
      case "response":
        return acknowledge({ call: callOf(exchange, bytes.length, "null"), credential });
      case "request": {
        const id = textOf(bytes, envelope.id.start, envelope.id.end);
        const call: McpCall = Object.assign(callOf(exchange, bytes.length, id), { body: bytes, envelope, id });
        return serve({ call, credential });
      }
    }
  }

  function dispatch(admitted: Admitted<McpCall>): void {
    const { call, principal } = admitted;
    switch (call.envelope.method) {
      case "tools/call":
        return resolveTool(admitted);
      case "tools/list":
        return void answerList(admitted);
      case "initialize":
        return answerResult(call, initializeResult(call.body));
      case "ping":
        return answerResult(call, "{}");
      default:
        return accounts.refuse(call, { code: "mcp.method-unknown" }, { principal });
    }
  }

  function resolveTool({ call, view, principal }: Admitted<McpCall>): void {
    const span = call.envelope.name;
    const name = span && valueOf(call.body, span);
    if (span === undefined || typeof name !== "string") return accounts.refuse(call, unnamed, { principal });
    const toolCall: ToolCall = Object.assign(call, { name: span });
    const called = calledName(view, name);
    if (called === undefined) return accounts.refuse(call, { code: "mcp.tool-unknown" }, { principal, tool: name });
    const { server, toolPart } = called;
    const go = (tool: string) => {
      // Whoever left while the name was looked up wants no tool to run.
      if (!call.response.destroyed)
        callTool({ call: toolCall, view, principal, target: { server: server.name, tool } });
    };
    // Who reaches nothing of a server must not make the gate ask it: the refusal comes from what is known here.
    if (!called.isAltered || !reachesServer(view, principal, server.name)) return go(toolPart);
    // A hash cannot be turned back: the server's own list says what it stands for.
    serverOf(server)
      .tools()
      .then(
        (tools) => go(tools.find(({ exposed }) => exposed === name)?.tool ?? toolPart),
        () => go(toolPart),
      )
      .catch((error: unknown) => bug(call, error));
  }

  async function answerList({ call, view, principal }: Admitted<McpCall>): Promise<void> {
    try {
      const tools = await visibleTools({
        ...{ view, principal, bytesMax: settings.listBytesMax },
        toolsOf: async (server) => serverOf(server).tools(),
        onOmitted(server, { code, message }) {
          counters.omitted(code);
          log.warn({ server: server.name, code, reason: message }, "a server's tools are missing from a list");
        },
      });
      answerResult(call, `{"tools":[${tools.map(String).join(",")}]}`);
    } catch (error) {
      bug(call, error);
    }
  }

  function bug(call: Call, error: unknown): void {
    log.error({ err: error, requestId: call.requestId }, "a request met a bug");
    accounts.refuse(call, { code: "internal.bug" });
  }
}

const unnamed: Refusal = { code: "mcp.invalid-request", detail: "`params.name` is not a text." };

function answerResult(call: McpCall, result: string): void {
  answerJson(call.response, call.requestId, 200, resultMessage(call.id, result));
}

function callOf(exchange: Exchange, requestBytes: number, id: string) {
  const { requestId, startedMs, response } = exchange;
  const answerRefusal = ({ code, detail }: Refusal) => {
    const status = httpStatusOf(code);
    if (status === 401 && !response.headersSent) response.setHeader("www-authenticate", 'Bearer realm="tollgate"');
    answerJson(response, requestId, status, errorMessage(id, code, detail));
  };
  return { requestId, door: "mcp" as const, startedMs, requestBytes, response, answerRefusal };
}

function headerRefusal(headers: Exchange["request"]["headers"]): Refusal | undefined {
  const type = headers["content-type"];
  if (type === undefined || !/^application\/json\s*(;|$)/i.test(type))
    return { code: "request.invalid", detail: "`content-type` is not application/json." };
  const version = headers["mcp-protocol-version"];
  if (version === undefined || protocolVersions.some((known) => known === version)) return undefined;
  return { code: "request.invalid", detail: `\`mcp-protocol-version\` is none of ${protocolVersions.join(", ")}.` };
}

function refuseMethod({ response, requestId }: Exchange): void {
  response.setHeader("allow", "POST");
  answerJson(response, requestId, 405, errorMessage("null", "request.method-not-allowed"));
}
