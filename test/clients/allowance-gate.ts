// A gate that knows one thing: how budgets stand. It passes everything on to a mock of the client's model, says of each answer what
// the doors to models say of the budgets that it was given, and refuses calls while one of them is in the way. The words are the
// product's; that it asks nobody for a key, and counts nothing, makes it a fake. It ends with its scope.
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import * as anthropic from "../../data-plane/proxy/src/model/anthropic/allowance.ts";
import * as openai from "../../data-plane/proxy/src/model/openai/allowance.ts";
import {
  shortageIn,
  type Allowance,
  type Shortage,
  type ShortageAnswer,
  type Standing,
} from "../../data-plane/proxy/src/pipeline/allowance.ts";

export interface AllowanceGate extends AsyncDisposable {
  readonly url: string;
  /** Method and target of what came, in its order. */
  readonly seen: readonly string[];
  /** How the budgets stand from now on. */
  stand(allowances: readonly Allowance[]): void;
}

interface Door {
  /** Names and values in turn. */
  headersOf(standing: Standing): readonly string[];
  refusalOf(shortage: Shortage, standing: Standing): ShortageAnswer;
}

const requestId = "req_of_nobody";
const answered = { "content-type": "application/json", "request-id": requestId };

const doors: Readonly<Record<string, Door>> = {
  "/v1/messages": {
    headersOf: anthropic.standingHeaders,
    refusalOf: (shortage, standing) => anthropic.shortageAnswer(shortage, standing, Date.now(), requestId),
  },
  "/v1/responses": {
    headersOf: (standing) => openai.standingHeaders(standing, Date.now()),
    refusalOf: (shortage, standing) => openai.shortageAnswer(shortage, standing, Date.now()),
  },
};

export async function startAllowanceGate(behind: string): Promise<AllowanceGate> {
  const seen: string[] = [];
  let allowances: readonly Allowance[] = [];
  const server = createServer((incoming, response) => {
    const { method = "GET", url = "/" } = incoming;
    seen.push(`${method} ${url}`);
    const [path = ""] = url.split("?");
    const standing: Standing = { allowances, limits: [] };
    const door = doors[path];
    const shortage = door === undefined ? undefined : shortageIn(allowances);
    if (path === "/api/oauth/usage") {
      response.writeHead(200, { ...answered, "cache-control": "no-store" }).end(anthropic.usageBody(allowances));
    } else if (door === undefined || shortage === undefined) {
      pass(behind, incoming, response, door?.headersOf(standing) ?? []);
    } else {
      const { status, headers, body } = door.refusalOf(shortage, standing);
      response.writeHead(status, [...Object.entries(answered).flat(), ...headers]).end(body);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    ...{ url: `http://127.0.0.1:${port}`, seen },
    stand: (next) => (allowances = next),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function pass(behind: string, incoming: IncomingMessage, response: ServerResponse, said: readonly string[]): void {
  const { hostname, port } = new URL(behind);
  const { method, url, rawHeaders } = incoming;
  const sent = request({ hostname, port, method, path: url, headers: [...rawHeaders], agent: false });
  response.once("close", () => sent.destroy());
  sent.on("error", () => response.destroy());
  incoming.pipe(sent);
  sent.once("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, [...answer.rawHeaders, ...said]);
    answer.pipe(response);
  });
}
