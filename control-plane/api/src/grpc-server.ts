// The door for proxies: a small adapter from the schema's services to grpc-js, so that a service is a plain object of typed
// functions, and no generated gRPC code is needed. Every call is admitted first, by what the door knows of the caller, and
// its body is read and decoded only then; only what is served to anybody is not. A unary method is an async function; a
// streaming one is an async generator that is pulled only as fast as the proxy reads. Errors leave with their registry code;
// what has none is a bug and leaves without its text.

import { once } from "node:events";
import type { SecureContextOptions } from "node:tls";
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
import { shapeOf, TollgateError, type ErrorCode } from "@tollgate/kernel/errors";
import {
  createAdmissionDesk,
  type Admission,
  type AdmissionDesk,
  type Approach,
  type RefusedStatus,
} from "./grpc-admission.ts";
import { openDoor, type Door } from "./grpc-doors.ts";

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

export type BoundService = {
  definition: ServiceDefinition;
  methods: UntypedServiceImplementation;
  /** Paths of the methods that anybody may call. */
  toAnybody: readonly string[];
};

export type Admitted = Admission<Caller>;

/** Throws an error with a code for whoever is not let in. */
export type Admit = (approach: Approach) => Admitted | Promise<Admitted>;

/** An error that a call was answered with; `caller` if he was admitted. */
export type OnRefused = (code: ErrorCode, about: { caller: Caller | undefined; from: string }) => void;

export type GrpcServerOptions = {
  door: Door;
  admit: Admit;
  services: readonly ((counter: Counter) => BoundService)[];
  onBug: (error: unknown) => void;
  onRefused?: OnRefused;
};

export type GrpcServer = {
  /** Undefined of a socket. */
  port: number | undefined;
  renew(identity: SecureContextOptions): void;
  stop(): Promise<void>;
};

/** What a service needs to serve the calls of a server. */
type Counter = {
  admitted: AdmissionDesk<Caller>["admitted"];
  stopping: AbortSignal;
  onBug: (error: unknown) => void;
  refused(error: unknown, about: { caller: Caller | undefined; from: string }): RefusedStatus;
};

type Bounds = { requestBytesMax: number; streamsMax: number };

/** A batch of facts has 512 KiB, a report of 10,000 epochs or the ids of 32,000 secrets about as much. */
const proxyBounds: Bounds = { requestBytesMax: 2 * 1024 * 1024, streamsMax: 100 };
/** Who has no certificate has nothing to ask but to join. */
const strangerBounds: Bounds = { requestBytesMax: 16 * 1024, streamsMax: 4 };
const answerBytesMax = 16 * 1024 * 1024;
const stopMsMax = 2_000;

// The library prints unstructured lines to standard error besides throwing; what fails is told by whoever it fails for.
setLogVerbosity(logVerbosity.NONE);

export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const stopping = new AbortController();
  const proxies = serverFor(options, proxyBounds, stopping.signal);
  const strangers = serverFor(options, strangerBounds, stopping.signal);
  const door = await openDoor({ proxies, strangers }, options.door);
  return {
    port: door.port,
    renew: door.renew,
    async stop() {
      stopping.abort();
      door.close();
      await Promise.all([proxies, strangers].map(shutDown));
    },
  };
}

function serverFor(options: GrpcServerOptions, bounds: Bounds, stopping: AbortSignal): Server {
  const { admit, onBug, onRefused = () => undefined } = options;
  const refused: Counter["refused"] = (error, about) => {
    if (error instanceof TollgateError) onRefused(error.code, about);
    return statusOf(error, onBug);
  };
  const toAnybody = new Set<string>();
  const { interceptor, admitted } = createAdmissionDesk<Caller>({
    admit: (path, approach) => (toAnybody.has(path) ? nobody : admit(approach)),
    refused: (error, from) => refused(error, { caller: undefined, from }),
  });
  const server = new Server({
    "grpc.max_receive_message_length": bounds.requestBytesMax,
    "grpc.max_send_message_length": answerBytesMax,
    "grpc.max_concurrent_streams": bounds.streamsMax,
    // A proxy that vanished without a word is noticed within half a minute.
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.min_ping_interval_without_data_ms": 5_000,
    interceptors: [interceptor],
  });
  for (const bind of options.services) {
    const { definition, methods, ...service } = bind({ admitted, stopping, onBug, refused });
    server.addService(definition, methods);
    for (const path of service.toAnybody) toAnybody.add(path);
  }
  return server;
}

function shutDown(server: Server): Promise<void> {
  return new Promise<void>((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, stopMsMax);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

const nobody: Admitted = { caller: { proxyId: "", boot: "" } };

/** Joins a service of the schema with the functions that serve it. Those in `toAnybody` are told of no caller. */
export function serve<Service extends DescService>(
  service: Service,
  methods: ServiceMethods<Service>,
  toAnybody: readonly (keyof Service["method"])[] = [],
): (counter: Counter) => BoundService {
  return (counter) => {
    const definition: Record<string, MethodDefinition<Uint8Array, unknown>> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const method of service.methods) {
      definition[method.localName] = definitionOf(service, method);
      // The one place where a method's own types are given up: the schema has just tied both to the same descriptor.
      const implementation = methods[method.localName as keyof typeof methods] as never;
      handlers[method.localName] =
        method.methodKind === "unary"
          ? unary(method.input, implementation, counter)
          : streaming(method.input, implementation, counter);
    }
    const open = service.methods.filter(({ localName }) => toAnybody.includes(localName));
    return { definition, methods: handlers, toAnybody: open.map((method) => pathOf(service, method)) };
  };
}

function pathOf(service: DescService, method: DescMethod): string {
  return `/${service.typeName}/${method.name}`;
}

function definitionOf(service: DescService, method: DescMethod): MethodDefinition<Uint8Array, unknown> {
  return {
    path: pathOf(service, method),
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: () => Buffer.alloc(0),
    // Decoded by the handler: whatever the library calls is called for each message, however many somebody sends.
    requestDeserialize: (bytes) => bytes,
    responseSerialize: (message) =>
      Buffer.from(toBinary(method.output, create(method.output, message as MessageInitShape<DescMessage>))),
    responseDeserialize: () => undefined,
  };
}

type Unary = (request: unknown, caller: Caller) => Promise<unknown>;
type Streaming = (request: unknown, signal: AbortSignal, caller: Caller) => AsyncIterable<unknown>;

function decoded(input: DescMessage, bytes: Uint8Array): unknown {
  try {
    return fromBinary(input, bytes);
  } catch (cause) {
    throw new TollgateError("request.invalid", "These bytes are not what the method is asked with.", { cause });
  }
}

function unary(input: DescMessage, implementation: Unary, counter: Counter): handleUnaryCall<Uint8Array, unknown> {
  return (call, callback) => {
    const { caller, ended } = counter.admitted(call.metadata);
    const answer = async (): Promise<unknown> => {
      ended.throwIfAborted();
      return implementation(decoded(input, call.request), caller);
    };
    answer().then(
      (value) => callback(null, value),
      (error: unknown) => callback(counter.refused(error, { caller, from: call.getPeer() })),
    );
  };
}

function streaming(
  input: DescMessage,
  implementation: Streaming,
  counter: Counter,
): handleServerStreamingCall<Uint8Array, unknown> {
  return (call) => {
    const { stopping, onBug } = counter;
    const { caller, ended } = counter.admitted(call.metadata);
    const hungUp = new AbortController();
    call.on("cancelled", () => hungUp.abort());
    call.on("close", () => hungUp.abort());
    const pump = async (): Promise<void> => {
      const signal = AbortSignal.any([hungUp.signal, stopping, ended]);
      try {
        ended.throwIfAborted();
        for await (const message of implementation(decoded(input, call.request), signal, caller)) {
          if (signal.aborted) break;
          if (!call.write(message)) await once(call, "drain", { signal });
        }
      } finally {
        // Whatever the end of a stream looked like then, this is why it ended.
        ended.throwIfAborted();
      }
    };
    pump().then(
      () => call.end(),
      (error: unknown) => {
        if (hungUp.signal.aborted) return;
        if (stopping.aborted) call.emit("error", { code: status.UNAVAILABLE, details: "shutting down" });
        // That a certificate ends under an open stream is its usual end, and no refusal.
        else if (ended.aborted) call.emit("error", statusOf(error, onBug));
        else call.emit("error", counter.refused(error, { caller, from: call.getPeer() }));
      },
    );
  };
}

function statusOf(error: unknown, onBug: (error: unknown) => void): RefusedStatus {
  const metadata = new Metadata();
  if (error instanceof TollgateError) {
    metadata.set("tollgate-code", error.code);
    return { code: shapeOf(error.code).grpc, details: error.message, metadata };
  }
  onBug(error);
  metadata.set("tollgate-code", "internal.bug");
  return { code: status.INTERNAL, details: new TollgateError("internal.bug").message, metadata };
}
