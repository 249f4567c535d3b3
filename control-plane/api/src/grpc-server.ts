// The door for proxies: a small adapter from the schema's services to grpc-js, so that a service is a plain object of typed
// functions, and no generated gRPC code is needed. Every method of every service asks for the join token first (enrolment
// will replace it). A unary method is an async function; a streaming one is an async generator that is pulled only as fast
// as the proxy reads. Errors leave with their registry code; what has none is a bug and leaves without its text.

import { once } from "node:events";
import { createHash, timingSafeEqual } from "node:crypto";
import {
  fromBinary,
  toBinary,
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  Metadata,
  Server,
  ServerCredentials,
  logVerbosity,
  setLogVerbosity,
  status,
  type MethodDefinition,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { shapeOf, TollgateError } from "@tollgate/kernel/errors";
import { isId } from "@tollgate/kernel/ids";

/** The proxy that asks, and the boot of it: two processes that say they are one proxy differ in it. */
export type Caller = { proxyId: string; boot: string };

/** What a service has to bring: a function a method. `signal` aborts when the proxy hangs up or the server stops. */
export type ServiceMethods<Service extends DescService> = {
  [Name in keyof Service["method"]]: Service["method"][Name] extends {
    methodKind: "unary";
    input: infer Input extends DescMessage;
    output: infer Output extends DescMessage;
  }
    ? (request: MessageShape<Input>, caller: Caller) => Promise<MessageInitShape<Output>>
    : Service["method"][Name] extends {
          methodKind: "server_streaming";
          input: infer Input extends DescMessage;
          output: infer Output extends DescMessage;
        }
      ? (request: MessageShape<Input>, signal: AbortSignal, caller: Caller) => AsyncIterable<MessageInitShape<Output>>
      : never;
};

export type BoundService = { definition: ServiceDefinition; methods: UntypedServiceImplementation };

export type GrpcServerOptions = {
  host: string;
  port: number;
  joinToken: string;
  services: readonly ((admit: Admission) => BoundService)[];
  onBug: (error: unknown) => void;
};

export type GrpcServer = { port: number; stop(): Promise<void> };

type Admission = { check(metadata: Metadata): Caller; stopping: AbortSignal; onBug: (error: unknown) => void };

const messageBytesMax = 16 * 1024 * 1024;
const stopMsMax = 2_000;
const bootPattern = /^[0-9a-f-]{36}$/;

// The library prints unstructured lines to standard error besides throwing; what fails is told by whoever it fails for.
setLogVerbosity(logVerbosity.NONE);

export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server({
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    // A proxy that vanished without a word is noticed within half a minute.
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.min_ping_interval_without_data_ms": 5_000,
  });
  const stopping = new AbortController();
  const admission: Admission = {
    check: tokenCheck(options.joinToken),
    stopping: stopping.signal,
    onBug: options.onBug,
  };
  for (const bind of options.services) {
    const { definition, methods } = bind(admission);
    server.addService(definition, methods);
  }
  const port = await new Promise<number>((resolve, reject) => {
    const address = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${options.port}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(new Error(listenProblem(error, options), { cause: error }));
      else resolve(bound);
    });
  });
  return {
    port,
    async stop() {
      stopping.abort();
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, stopMsMax);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      });
    },
  };
}

function tokenCheck(joinToken: string): (metadata: Metadata) => Caller {
  const expected = createHash("sha256").update(`Bearer ${joinToken}`).digest();
  return (metadata) => {
    const sent = createHash("sha256")
      .update(String(metadata.get("authorization")[0] ?? ""))
      .digest();
    if (!timingSafeEqual(sent, expected)) throw new TollgateError("sync.token-refused");
    const [proxyId, boot] = ["tollgate-proxy", "tollgate-boot"].map((name) => String(metadata.get(name)[0] ?? ""));
    if (proxyId === undefined || boot === undefined || !isId(proxyId) || !bootPattern.test(boot))
      throw new TollgateError("request.invalid", "A call says which proxy it comes from, and which boot of it.");
    return { proxyId, boot };
  };
}

/** Joins a service of the schema with the functions that serve it. */
export function serve<Service extends DescService>(
  service: Service,
  methods: ServiceMethods<Service>,
): (admission: Admission) => BoundService {
  return (admission) => {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const method of service.methods) {
      definition[method.localName] = definitionOf(service, method);
      // The one place where a method's own types are given up: the schema has just tied both to the same descriptor.
      const implementation = methods[method.localName as keyof typeof methods] as never;
      handlers[method.localName] =
        method.methodKind === "unary" ? unary(implementation, admission) : streaming(implementation, admission);
    }
    return { definition, methods: handlers };
  };
}

function definitionOf(service: DescService, method: DescMethod): MethodDefinition<unknown, unknown> {
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) =>
      Buffer.from(toBinary(method.output, create(method.output, message as MessageInitShape<DescMessage>))),
    responseDeserialize: () => undefined,
  };
}

type Unary = (request: unknown, caller: Caller) => Promise<unknown>;
type Streaming = (request: unknown, signal: AbortSignal, caller: Caller) => AsyncIterable<unknown>;

function unary(implementation: Unary, admission: Admission): handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const answer = async (): Promise<unknown> => {
      return implementation(call.request, admission.check(call.metadata));
    };
    answer().then(
      (value) => callback(null, value),
      (error: unknown) => callback(statusOf(error, admission.onBug)),
    );
  };
}

function streaming(implementation: Streaming, admission: Admission): handleServerStreamingCall<unknown, unknown> {
  return (call) => {
    const hungUp = new AbortController();
    call.on("cancelled", () => hungUp.abort());
    call.on("close", () => hungUp.abort());
    const signal = AbortSignal.any([hungUp.signal, admission.stopping]);
    const pump = async (): Promise<void> => {
      for await (const message of implementation(call.request, signal, admission.check(call.metadata))) {
        if (signal.aborted) break;
        if (!call.write(message)) await once(call, "drain", { signal });
      }
    };
    pump().then(
      () => call.end(),
      (error: unknown) => {
        if (hungUp.signal.aborted) return;
        if (admission.stopping.aborted) call.emit("error", { code: status.UNAVAILABLE, details: "shutting down" });
        else call.emit("error", statusOf(error, admission.onBug));
      },
    );
  };
}

function listenProblem(error: Error, { host, port }: Pick<GrpcServerOptions, "host" | "port">): string {
  // The library keeps no error code, only its text.
  const isTaken = error.message.includes("EADDRINUSE");
  return isTaken ? `port ${port} is in use (on ${host})` : `gRPC cannot listen on ${host}:${port}: ${error.message}`;
}

function statusOf(
  error: unknown,
  onBug: (error: unknown) => void,
): { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (error instanceof TollgateError) {
    metadata.set("tollgate-code", error.code);
    return { code: shapeOf(error.code).grpc, details: error.message, metadata };
  }
  onBug(error);
  metadata.set("tollgate-code", "internal.bug");
  return { code: status.INTERNAL, details: new TollgateError("internal.bug").message, metadata };
}
