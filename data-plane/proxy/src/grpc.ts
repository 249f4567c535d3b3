// The proxy's way to the control plane: typed clients made from the schema's descriptors over one grpc-js channel, so that
// no gRPC code is generated. A unary call has a deadline; a stream is an async iterable that holds the sender back while it
// is not read, and ends when its signal aborts. Errors come out as grpc-js has them, with a numeric `code`.

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
import { Client, credentials, Metadata, type ChannelCredentials } from "@grpc/grpc-js";
import { Provisions } from "@tollgate/schema/provisions";
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
  close(): void;
};

const messageBytesMax = 16 * 1024 * 1024;
const unaryMsMax = 10_000;

/** Who calls: said with every call. */
export type CallerIdentity = { readonly proxyId: string; readonly boot: string };

export function openControlPlane(
  config: { controlUrl: string; joinToken: string },
  { proxyId, boot }: CallerIdentity,
): ControlPlane {
  const client = new Client(addressOf(config.controlUrl), channelCredentials(config.controlUrl), {
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    // A control plane that comes back is found within a second, not after grpc-js's two minutes.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    // Proxies named in the environment are for what leaves the network; and nothing but config.ts reads the environment.
    "grpc.enable_http_proxy": 0,
  });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${config.joinToken}`);
  metadata.set("tollgate-proxy", proxyId);
  metadata.set("tollgate-boot", boot);
  return {
    sync: clientOf(client, metadata, Sync),
    usage: clientOf(client, metadata, Usage),
    secrets: clientOf(client, metadata, Secrets),
    provisions: clientOf(client, metadata, Provisions),
    close: () => client.close(),
  };
}

/** `http://host:port` and `unix:/path` as gRPC wants them. */
function addressOf(url: string): string {
  return url.startsWith("unix:") ? url : new URL(url).host;
}

/** `https:` is never answered by plain text, whether or not the other end speaks TLS. */
function channelCredentials(url: string): ChannelCredentials {
  return url.startsWith("https:") ? credentials.createSsl() : credentials.createInsecure();
}

function clientOf<Service extends DescService>(
  client: Client,
  metadata: Metadata,
  service: Service,
): ServiceClient<Service> {
  const methods = service.methods.map((method) => {
    const path = `/${service.typeName}/${method.name}`;
    return [
      method.localName,
      method.methodKind === "unary" ? unary(client, metadata, path, method) : streaming(client, metadata, path, method),
    ];
  });
  // The one place where the methods' own types are claimed: they were made from the same descriptor one line above.
  return Object.fromEntries(methods) as ServiceClient<Service>;
}

function codec(method: DescMethod) {
  return {
    encode: (message: MessageInitShape<DescMessage>) =>
      Buffer.from(toBinary(method.input, create(method.input, message))),
    decode: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function unary(client: Client, metadata: Metadata, path: string, method: DescMethod) {
  const { encode, decode } = codec(method);
  return (request: MessageInitShape<DescMessage>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + unaryMsMax };
      client.makeUnaryRequest(path, encode, decode, request, metadata, options, (error, answer) => {
        if (error) reject(error);
        else resolve(answer);
      });
    });
}

function streaming(client: Client, metadata: Metadata, path: string, method: DescMethod) {
  const { encode, decode } = codec(method);
  return async function* (request: MessageInitShape<DescMessage>, signal: AbortSignal): AsyncGenerator<unknown> {
    signal.throwIfAborted();
    const call = client.makeServerStreamRequest(path, encode, decode, request, metadata);
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel);
    try {
      for await (const message of call) yield message;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", cancel);
      // Cancelling reports itself as an error that nobody waits for any more.
      call.on("error", () => undefined);
      call.cancel();
    }
  };
}
