// The door for proxies: a small adapter from the schema's services to grpc-js, so that a service is a plain object of typed
// functions, and no generated gRPC code is needed. Every call is admitted first, by what the door knows of the caller; only
// what is served to anybody is not. A unary method is an async function; a streaming one is an async generator that is
// pulled only as fast as the proxy reads. Errors leave with their registry code; what has none is a bug and leaves without
// its text.

import { once } from "node:events";
import type { PeerCertificate, SecureContextOptions } from "node:tls";
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
  type ServerUnaryCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { shapeOf, TollgateError, type ErrorCode } from "@tollgate/kernel/errors";
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

export type BoundService = { definition: ServiceDefinition; methods: UntypedServiceImplementation };

/** What a door knows of who calls. */
export type Approach = {
  metadata: Metadata;
  /** Of our authority and valid at the handshake, if there is one. */
  certificate: PeerCertificate | undefined;
};

export type Admitted = {
  caller: Caller;
  /** Calls back when the caller is no longer admitted, with why: the stream ends. Answers how to forget it. */
  onEnd?(end: (reason: TollgateError) => void): () => void;
};

/** Throws an error with a code for whoever is not let in. */
export type Admit = (approach: Approach) => Admitted | Promise<Admitted>;

/** An error that a call was answered with; `caller` if he was admitted. */
export type OnRefused = (code: ErrorCode, about: { caller: Caller | undefined; from: string }) => void;

export type GrpcServerOptions = {
  door: Door;
  admit: Admit;
  services: readonly ((admission: Admission) => BoundService)[];
  onBug: (error: unknown) => void;
  onRefused?: OnRefused;
};

export type GrpcServer = {
  /** Undefined of a socket. */
  port: number | undefined;
  renew(identity: SecureContextOptions): void;
  stop(): Promise<void>;
};

type Admission = { admit: Admit; stopping: AbortSignal; onBug: (error: unknown) => void; onRefused: OnRefused };

const messageBytesMax = 16 * 1024 * 1024;
const stopMsMax = 2_000;

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
  const { admit, onBug, onRefused = () => undefined } = options;
  for (const bind of options.services) {
    const { definition, methods } = bind({ admit, stopping: stopping.signal, onBug, onRefused });
    server.addService(definition, methods);
  }
  const door = await openDoor(server, options.door);
  return {
    port: door.port,
    renew: door.renew,
    async stop() {
      stopping.abort();
      door.close();
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

const nobody: Admitted = { caller: { proxyId: "", boot: "" } };

/** Joins a service of the schema with the functions that serve it. Those in `toAnybody` are told of no caller. */
export function serve<Service extends DescService>(
  service: Service,
  methods: ServiceMethods<Service>,
  toAnybody: readonly (keyof Service["method"])[] = [],
): (admission: Admission) => BoundService {
  return (asked) => {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const method of service.methods) {
      definition[method.localName] = definitionOf(service, method);
      const admission = toAnybody.includes(method.localName) ? { ...asked, admit: () => nobody } : asked;
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

type Incoming = Pick<ServerUnaryCall<unknown, unknown>, "metadata" | "getAuthContext" | "getPeer">;

/** Admits a call, and afterwards makes of what it failed with the status that leaves. */
function attend(call: Incoming, { admit, onBug, onRefused }: Admission) {
  let admitted: Admitted | undefined;
  return {
    async admit(): Promise<Admitted> {
      return (admitted = await admit({
        metadata: call.metadata,
        certificate: call.getAuthContext().sslPeerCertificate,
      }));
    },
    failed(error: unknown): ReturnType<typeof statusOf> {
      if (error instanceof TollgateError) onRefused(error.code, { caller: admitted?.caller, from: call.getPeer() });
      return statusOf(error, onBug);
    },
  };
}

function unary(implementation: Unary, admission: Admission): handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const attending = attend(call, admission);
    const answer = async (): Promise<unknown> => {
      const { caller } = await attending.admit();
      return implementation(call.request, caller);
    };
    answer().then(
      (value) => callback(null, value),
      (error: unknown) => callback(attending.failed(error)),
    );
  };
}

function streaming(implementation: Streaming, admission: Admission): handleServerStreamingCall<unknown, unknown> {
  return (call) => {
    const attending = attend(call, admission);
    const hungUp = new AbortController();
    call.on("cancelled", () => hungUp.abort());
    call.on("close", () => hungUp.abort());
    const ended = new AbortController();
    const pump = async (): Promise<void> => {
      const { caller, onEnd } = await attending.admit();
      const forget = onEnd?.((reason) => ended.abort(reason));
      const signal = AbortSignal.any([hungUp.signal, admission.stopping, ended.signal]);
      try {
        for await (const message of implementation(call.request, signal, caller)) {
          if (signal.aborted) break;
          if (!call.write(message)) await once(call, "drain", { signal });
        }
      } finally {
        forget?.();
        // Whatever the end of a stream looked like then, this is why it ended.
        ended.signal.throwIfAborted();
      }
    };
    pump().then(
      () => call.end(),
      (error: unknown) => {
        if (hungUp.signal.aborted) return;
        if (admission.stopping.aborted) call.emit("error", { code: status.UNAVAILABLE, details: "shutting down" });
        // That a certificate ends under an open stream is its usual end, and no refusal.
        else call.emit("error", ended.signal.aborted ? statusOf(error, admission.onBug) : attending.failed(error));
      },
    );
  };
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
