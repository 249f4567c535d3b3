// The doors to models: `/anthropic`, `/openai`, and both at the root. Here is the line of a call: who sends it, what its body
// asks for, whether the key reaches that, what it can cost, the intent, and then the provider. Every refusal leaves in the
// envelope of the door that the path is of.

import { reachableModel, reachableModels } from "@tollgate/kernel/models";
import { answerJson } from "../http/answer.ts";
import { createBodyBudget, type BodyHold } from "../http/body-budget.ts";
import { readBody, type BodyOutcome } from "../http/body.ts";
import { credentialIn, type Credential } from "../http/credentials.ts";
import { heldBody } from "../http/held-body.ts";
import type { Door, Exchange } from "../http/listener.ts";
import { originProblem, type OriginRules } from "../http/origin.ts";
import { unpack, type UnpackOutcome } from "../http/unpack.ts";
import type { Log } from "../log-output.ts";
import { authenticate, type Authentication } from "../pipeline/authenticate.ts";
import {
  anyModel,
  type Admitted,
  type AskedModel,
  type Call,
  type ReachedProvider,
  type Refusal,
  type Step,
} from "../pipeline/call.ts";
import { guardCalls } from "../pipeline/guard.ts";
import type { Accounts } from "../pipeline/record.ts";
import { answerHello, refuseIn } from "./answers.ts";
import { clientNameIn } from "./client-name.ts";
import type { ModelErrand, Sent } from "./errand.ts";
import type { Format } from "./format.ts";
import { formats } from "./formats.ts";
import { holdsOwnKeyInUrl } from "./own-key.ts";
import { isBelow, passingProvider } from "./passing.ts";
import { providerPath, routeOf, type Route } from "./routes.ts";
import { readRequest, type RequestProblem } from "./wire/request.ts";

export type ModelDoorParts = Omit<Authentication, "accounts"> & {
  readonly accounts: Accounts;
  /** A call to a model by its name. */
  readonly send: Step<Admitted<ModelErrand> & { readonly asked: AskedModel }>;
  /** What the caller may spend, and has. */
  readonly tellUsage: Step<Admitted<Call & { readonly exchange: Exchange }>>;
  /** Something else, to a provider that is known. */
  readonly pass: Step<ReachedProvider<ModelErrand>>;
  readonly log: Log;
  readonly settings: OriginRules & { modelRequestBytesMax: number; modelBodiesBytesMax: number };
};

/** A request on its way in, before it is known whose it is. */
type Arrival = Call & {
  readonly exchange: Exchange;
  readonly format: Format;
  readonly bytes: Buffer | undefined;
  /** The room that they take. */
  readonly hold: BodyHold;
};

export function modelDoor(parts: ModelDoorParts): Door {
  const { accounts, settings } = parts;
  const { modelRequestBytesMax: bytesMax } = settings;
  const problemOfOrigin = originProblem(settings);
  const admit = authenticate<Arrival>(parts);
  const guarded = guardCalls(parts);
  const budget = createBodyBudget(settings.modelBodiesBytesMax);

  return {
    serve,
    refuse: (exchange, code) => refuseIn(formatOf(exchange), exchange, { code }),
  };

  function serve(exchange: Exchange): void {
    const { request } = exchange;
    const route = routeOf(exchange.path, request.headers);
    const format = formats[route.door];
    const call = arrivalOf(exchange, format, undefined, budget.hold());
    const problem = problemOfOrigin(request.headers);
    if (problem !== undefined) return accounts.refuse(call, { code: problem });
    const allowed = methods[route.kind];
    if (allowed !== undefined && !allowed.includes(request.method ?? "")) return refuseMethod(call, allowed);
    if (route.kind === "hello") return answerHello(exchange);
    const credential = credentialIn(request);
    if (typeof credential === "string") return accounts.refuse(call, { code: credential });
    if (holdsOwnKeyInUrl(request.url ?? ""))
      return accounts.refuse(call, { code: "request.invalid", detail: keyInUrl });
    if (route.kind === "models" || route.kind === "usage" || !mayHaveBody(exchange))
      return enter(call, route, credential);
    // A key's form is no secret: of whoever is not known nothing is kept. `enter` asks again, for who was revoked meanwhile.
    admit(() => readIn(call, route, credential))({ call, credential });
  }

  function refuseMethod(call: Arrival, allowed: readonly string[]): void {
    call.exchange.response.setHeader("allow", allowed.join(", "));
    accounts.refuse(call, { code: "request.method-not-allowed" });
  }

  function readIn(call: Arrival, route: Route, credential: Credential): void {
    const { exchange, hold } = call;
    const { request, response } = exchange;
    response.on("close", hold.letGo);
    const receiveUnpacked = (unpacked: UnpackOutcome): void =>
      guarded(call, () => receive(call, route, credential, unpacked));
    const receiveBody = (result: BodyOutcome): void => {
      if (result.outcome === "broken-off") return;
      if (result.outcome !== "read") return receiveUnpacked(result);
      unpack(result.bytes, request.headers["content-encoding"], bytesMax, receiveUnpacked, hold);
    };
    readBody(request, bytesMax, receiveBody, hold);
  }

  /** What is left of the body is not read. */
  function refuseBody(call: Arrival, refusal: Refusal): void {
    call.exchange.response.setHeader("connection", "close");
    accounts.refuse(call, refusal);
  }

  function receive(call: Arrival, route: Route, credential: Credential, result: UnpackOutcome): void {
    if (result.outcome === "too-large")
      return refuseBody(call, { code: "request.too-large", detail: `A body has at most ${bytesMax} bytes, unpacked.` });
    if (result.outcome === "no-room") {
      call.exchange.response.setHeader("retry-after", "1");
      return refuseBody(call, { code: "model.bodies-full" });
    }
    if (result.outcome === "unsupported") return accounts.refuse(call, { code: "model.encoding-unsupported" });
    if (result.outcome === "unreadable")
      return accounts.refuse(call, {
        code: "request.invalid",
        detail: "The body is not what `content-encoding` says.",
      });
    enter(arrivalOf(call.exchange, call.format, result.bytes, call.hold), route, credential);
  }

  function enter(arrival: Arrival, route: Route, credential: Credential): void {
    admit((admitted: Admitted<Arrival>) => {
      switch (route.kind) {
        case "call":
          return callModel(admitted, route);
        case "models":
          return listModels(admitted, route.id);
        case "other":
          return passOn(admitted, route.path);
        case "misspelt":
          return refuseMisspelt(admitted, route.rightPath);
        case "usage":
          return parts.tellUsage(admitted);
        case "hello":
          return answerHello(arrival.exchange);
      }
    })({ call: arrival, credential });
  }

  function callModel(admitted: Admitted<Arrival>, { operation }: Extract<Route, { kind: "call" }>): void {
    const { call, view, principal } = admitted;
    const { format, exchange, bytes } = call;
    const read = readRequest(operation, bytes ?? Buffer.alloc(0));
    if ("problem" in read) return accounts.refuse(call, refusalOf(read.problem), { principal });
    const path = providerPath(format.door, `/v1/${operation}`) + queryOf(exchange);
    const errand = errandOf(call, operation, read.model, read.isStreamed, { kind: "call", request: read, path });
    const besides = read.hasFreeFallback ? [...read.otherModels, anyModel] : read.otherModels;
    parts.send({ call: errand, view, principal, asked: { kind: format.kind, model: read.model, besides } });
  }

  function refuseMisspelt({ call, principal }: Admitted<Arrival>, rightPath: string): void {
    const detail = `The path of this call is \`${rightPath}\`.`;
    accounts.refuse(call, { code: "model.operation-unknown", detail }, { principal });
  }

  function passOn(admitted: Admitted<Arrival>, path: string): void {
    const { call, view, principal } = admitted;
    const { format, exchange } = call;
    const query = queryOf(exchange);
    const provider = isBelow(path) && !query.includes("#") ? passingProvider(view, principal, format.kind) : undefined;
    if (provider === undefined) return accounts.refuse(call, { code: "model.operation-unknown" }, { principal });
    const sent = { kind: "passed", path: path + query } as const;
    const operation = path.slice(1, 1 + operationCharsMax);
    parts.pass({ call: errandOf(call, operation, "", false, sent), view, principal, provider, model: "" });
  }

  function listModels({ call, view, principal }: Admitted<Arrival>, id: string | undefined): void {
    const { format, exchange } = call;
    const { response, requestId } = exchange;
    if (id === undefined) {
      const query = new URLSearchParams(queryOf(exchange));
      const body = format.modelsBody(reachableModels(view, principal, format.kind), query);
      return answerJson(response, requestId, 200, body);
    }
    const reached = reachableModel(view, principal, format.kind, id);
    if (typeof reached === "string") return accounts.refuse(call, { code: reached }, { principal, model: id });
    const { provider, model, alias } = reached;
    const displayName = alias?.name ?? model;
    answerJson(response, requestId, 200, format.modelBody({ id, provider: provider.name, displayName }));
  }
}

const operationCharsMax = 128;
const keyInUrl = "A key stands in the URL, which providers write into logs; send it in a header.";

/** Undefined: any. */
const methods: Record<Route["kind"], readonly string[] | undefined> = {
  call: ["POST"],
  models: ["GET", "HEAD"],
  hello: ["GET", "HEAD"],
  usage: ["GET", "HEAD"],
  misspelt: undefined,
  other: undefined,
};

const problems: Record<RequestProblem, Refusal> = {
  "not-json": { code: "model.body-not-json" },
  "not-an-object": { code: "model.body-not-json" },
  "duplicate-member": { code: "model.duplicate-member" },
  "too-deep": { code: "request.invalid", detail: "The body is nested too deep." },
  "model-missing": { code: "model.missing" },
  "model-too-long": { code: "model.unknown" },
  "too-many-models": { code: "request.invalid", detail: "The body names more models than one call has use for." },
};

function refusalOf(problem: RequestProblem): Refusal {
  return problems[problem];
}

function formatOf({ path, request }: Exchange): Format {
  return formats[routeOf(path, request.headers).door];
}

function arrivalOf(exchange: Exchange, format: Format, bytes: Buffer | undefined, hold: BodyHold): Arrival {
  const { requestId, startedMs } = exchange;
  return {
    ...{ requestId, startedMs, exchange, format, bytes, hold },
    door: format.door,
    requestBytes: bytes?.length ?? 0,
    answerRefusal: (refusal) => refuseIn(format, exchange, refusal),
  };
}

function errandOf(
  { requestId, startedMs, requestBytes, answerRefusal, exchange, format, bytes, hold }: Arrival,
  operation: string,
  modelAsked: string,
  isStreamed: boolean,
  sent: Sent,
): ModelErrand {
  const { headers } = exchange.request;
  const { sessionId, agentId, parentAgentId } = format.workIn(headers);
  const { clientName, clientVersion } = clientNameIn(headers["user-agent"]);
  return {
    ...{ requestId, startedMs, requestBytes, answerRefusal, exchange, format, sent },
    body: heldBody(bytes, hold),
    door: format.door,
    description: {
      ...{ operation, modelAsked, isStreamed, sessionId, agentId, parentAgentId, clientName, clientVersion },
    },
  };
}

function mayHaveBody({ request }: Exchange): boolean {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  return coding !== undefined || (length !== undefined && length !== "0");
}

function queryOf({ request }: Exchange): string {
  const url = request.url ?? "";
  const query = url.indexOf("?");
  return query < 0 ? "" : url.slice(query);
}
