// A gate that knows one thing: how budgets stand. It passes everything on to a mock of the client's model, says of each answer what
// the door to models says of the budgets that it was given, and refuses calls while one of them is in the way. The words are the
// product's; that it asks nobody for a key, and counts nothing, makes it a fake. It ends with its scope.
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { shortageAnswer, standingHeaders, usageBody } from "../../data-plane/proxy/src/model/anthropic/allowance.ts";
import { shortageIn, type Allowance } from "../../data-plane/proxy/src/pipeline/allowance.ts";

export interface AllowanceGate extends AsyncDisposable {
  readonly url: string;
  /** Method and target of what came, in its order. */
  readonly seen: readonly string[];
  /** How the budgets stand from now on. */
  stand(allowances: readonly Allowance[]): void;
}

const requestId = "req_of_nobody";
const answered = { "content-type": "application/json", "request-id": requestId };

export async function startAllowanceGate(behind: string): Promise<AllowanceGate> {
  const seen: string[] = [];
  let allowances: readonly Allowance[] = [];
  const server = createServer((incoming, response) => {
    const { method = "GET", url = "/" } = incoming;
    seen.push(`${method} ${url}`);
    const isCall = url.startsWith("/v1/messages") && !url.startsWith("/v1/messages/");
    const shortage = isCall ? shortageIn(allowances) : undefined;
    if (url.startsWith("/api/oauth/usage")) {
      response.writeHead(200, { ...answered, "cache-control": "no-store" }).end(usageBody(allowances));
    } else if (shortage === undefined) {
      pass(behind, incoming, response, isCall ? standingHeaders({ allowances, limits: [] }) : []);
    } else {
      const { status, headers, body } = shortageAnswer(shortage, { allowances, limits: [] }, Date.now(), requestId);
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
