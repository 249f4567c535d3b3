// The proxy's way to the control plane: typed clients made from the schema's descriptors over grpc-js, so that
// no gRPC code is generated. A unary call has a deadline; a stream is an async iterable that holds the sender back while it
// is not read, and ends when its signal aborts. Errors come out as grpc-js has them, with a numeric `code`. The channel can
// be replaced under the clients: what is under way ends on the old one.

import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { SecureContext } from "node:tls";
import { Client, credentials, Metadata, status, type ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import { Catalogue } from "@tollgate/schema/catalogue";
import { Ledger } from "@tollgate/schema/ledger";
import { Enrolment, Provisions } from "@tollgate/schema/provisions";
import { Secrets } from "@tollgate/schema/secrets";
import { Sync } from "@tollgate/schema/sync";
import { Usage } from "@tollgate/schema/usage";

/** The functions of a service, as its caller sees them. */
export type ServiceClient<Service extends DescService> = {
  [Name in keyof Service["method"]]: Service["method"][Name] extends {
    methodKind: "unary";
    input: infer Input extends DescMessage;
    output: infer Output extends DescMessage;
  }
    ? (request: MessageInitShape<Input>) => Promise<MessageShape<Output>>
    : Service["method"][Name] extends {
          methodKind: "server_streaming";
          input: infer Input extends DescMessage;
          output: infer Output extends DescMessage;
        }
      ? (request: MessageInitShape<Input>, signal: AbortSignal) => AsyncIterable<MessageShape<Output>>
      : never;
};

export type ControlPlane = {
  sync: ServiceClient<typeof Sync>;
  usage: ServiceClient<typeof Usage>;
  secrets: ServiceClient<typeof Secrets>;
  provisions: ServiceClient<typeof Provisions>;
  enrolment: ServiceClient<typeof Enrolment>;
  catalogue: ServiceClient<typeof Catalogue>;
  ledger: ServiceClient<typeof Ledger>;
  /** Calls from now on use what the way has now; those under way go on as they are. */
  reconnect(): void;
  close(): void;
};

const messageBytesMax = 16 * 1024 * 1024;
const unaryMsMax = 10_000;

/** Who calls: said with every call. */
export type CallerIdentity = { readonly proxyId: string; readonly boot: string };

export type Way =
  /** As this user alone can open it, and with the token of this boot. */
  | { kind: "socket"; url: string; token: string }
  | {
      kind: "tls";
      url: string;
      /** Undefined while there is no certificate: every call fails then. */
      context: () => SecureContext | undefined;
      /** The name that the server's certificate must have, where it is not the host that is dialled. */
      serverName?: string;
    };

/** Replaced by `reconnect`; undefined while there is nothing to connect with. */
type Line = { client: Client | undefined; readonly onRevoked: () => void };

/** `onRevoked`: whichever call is told that this proxy is not wanted any more; it may be told more than once. */
export function openControlPlane(
  way: Way,
  { proxyId, boot }: CallerIdentity,
  onRevoked: () => void = () => undefined,
): ControlPlane {
  const metadata = new Metadata();
  if (way.kind === "socket") {
    metadata.set("authorization", `Bearer ${way.token}`);
    metadata.set("tollgate-proxy", proxyId);
  }
  metadata.set("tollgate-boot", boot);
  const line: Line = { client: connect(way), onRevoked };
  // Facts go in bulk: on a line of their own nobody waits behind them, a call that needs a lease least of all.
  const bulk: Line = { client: connect(way), onRevoked };
  const lines = [line, bulk];
  return {
    sync: clientOf(line, metadata, Sync),
    usage: clientOf(bulk, metadata, Usage),
    secrets: clientOf(line, metadata, Secrets),
    provisions: clientOf(line, metadata, Provisions),
    enrolment: clientOf(line, metadata, Enrolment),
    catalogue: clientOf(line, metadata, Catalogue),
    ledger: clientOf(line, metadata, Ledger),
    reconnect() {
      for (const one of lines) replace(one, way);
    },
    close: () => lines.forEach(({ client }) => client?.close()),
  };
}

function replace(line: Line, way: Way): void {
  const former = line.client;
  line.client = connect(way);
  // A call that has not left it yet would be lost; by then every one of them has its answer.
  if (former) setTimeout(() => former.close(), unaryMsMax).unref();
}

function connect(way: Way): Client | undefined {
  const channelCredentials = credentialsOf(way);
  if (!channelCredentials) return undefined;
  const options: ChannelOptions = {
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    // A control plane that comes back is found within a second, not after grpc-js's two minutes.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    // Proxies named in the environment are for what leaves the network; and nothing but config.ts reads the environment.
    "grpc.enable_http_proxy": 0,
    // A channel after a renewal must not find the connection of the one before it.
    "grpc.use_local_subchannel_pool": 1,
    ...(way.kind === "tls" && way.serverName !== undefined ? { "grpc.ssl_target_name_override": way.serverName } : {}),
  };
  return new Client(way.kind === "socket" ? way.url : new URL(way.url).host, channelCredentials, options);
}

function credentialsOf(way: Way): ChannelCredentials | undefined {
  if (way.kind === "socket") return credentials.createInsecure();
  const context = way.context();
  return context && credentials.createFromSecureContext(context);
}

function connected({ client }: Line): Client {
  if (client) return client;
  throw Object.assign(new Error("the proxy has not joined the control plane yet"), { code: status.UNAVAILABLE });
}

/** The code from the registry that the control plane refused with; undefined where it did not, or was not reached. */
export function refusalCode(error: unknown): string | undefined {
  const metadata = error instanceof Error && "metadata" in error ? error.metadata : undefined;
  const code = metadata instanceof Metadata ? metadata.get("tollgate-code")[0] : undefined;
  return code?.toString();
}

function noticed<E>({ onRevoked }: Line, error: E): E {
  if (refusalCode(error) === "enrolment.proxy-revoked") onRevoked();
  return error;
}

function clientOf<Service extends DescService>(
  line: Line,
  metadata: Metadata,
  service: Service,
): ServiceClient<Service> {
  const methods = service.methods.map((method) => {
    const path = `/${service.typeName}/${method.name}`;
    return [
      method.localName,
      method.methodKind === "unary" ? unary(line, metadata, path, method) : streaming(line, metadata, path, method),
    ];
  });
  // The one place where the methods' own types are claimed: they were made from the same descriptor one line above.
  return Object.fromEntries(methods) as ServiceClient<Service>;
}

function codec(method: DescMethod) {
  return {
    encode(message: MessageInitShape<DescMessage>): Buffer {
      const bytes = toBinary(method.input, create(method.input, message));
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    decode: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function unary(line: Line, metadata: Metadata, path: string, method: DescMethod) {
  const { encode, decode } = codec(method);
  return (request: MessageInitShape<DescMessage>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + unaryMsMax };
      connected(line).makeUnaryRequest(path, encode, decode, request, metadata, options, (error, answer) => {
        if (error) reject(noticed(line, error));
        else resolve(answer);
      });
    });
}

function streaming(line: Line, metadata: Metadata, path: string, method: DescMethod) {
  const { encode, decode } = codec(method);
  return async function* (request: MessageInitShape<DescMessage>, signal: AbortSignal): AsyncGenerator<unknown> {
    signal.throwIfAborted();
    const call = connected(line).makeServerStreamRequest(path, encode, decode, request, metadata);
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel);
    try {
      for await (const message of call) yield message;
    } catch (error) {
      signal.throwIfAborted();
      throw noticed(line, error);
    } finally {
      signal.removeEventListener("abort", cancel);
      // Cancelling reports itself as an error that nobody waits for any more.
      call.on("error", () => undefined);
      call.cancel();
    }
  };
}
