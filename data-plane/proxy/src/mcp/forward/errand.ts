// A client's request that goes to one server, once it is known who asks and that he may: everything that is needed to bring it
// there and to answer it, in whichever era each of the two speaks.

import type { Redaction } from "@tollgate/kernel/policy/answer";
import type { Exchange } from "../../http/listener.ts";
import type { Authorised, Call, Described, Description } from "../../pipeline/call.ts";
import type { ListKind } from "../catalogue/catalogue.ts";
import { clientName, type Client } from "../client.ts";
import type { Answering } from "../downstream/answering.ts";
import type { ClientSession } from "../downstream/client-sessions.ts";
import type { Exposed, Surface } from "../surface/surface.ts";
import type { RequestEnvelope } from "../wire/envelope.ts";
import { textValue, type Span } from "../../bytes/members.ts";

export type McpRequest = Call & {
  readonly answering: Answering;
  readonly client: Client;
  /** Of a legacy client. */
  readonly session: ClientSession | undefined;
  /** By which the client itself knows the work that this belongs to. */
  readonly clientSessionId: string | undefined;
  readonly body: Buffer;
  readonly envelope: RequestEnvelope;
  readonly traceparent: string | undefined;
  /** To pass it on where another worker has what it is about. */
  readonly exchange: Exchange;
};

export type Errand = McpRequest &
  Described & {
    readonly surface: Surface;
    readonly kind: ListKind;
    /** Where the name of what is addressed stands, and what the server calls it. */
    readonly name: { readonly at: Span; readonly own: string };
    readonly exposed: Exposed | undefined;
    /** What policies take out of the answer. */
    readonly redactions?: readonly Redaction[];
  };

/**
 * What the fact of a request says of it. Which use of a tool it is, Claude Code says under a name of its own and Codex, with its
 * session, under plain ones. A session at the gate stands in for one that the client does not name.
 */
export function describe({ envelope, body, client, clientSessionId, session }: McpRequest): Description {
  const { name, version } = clientName(client.info);
  const { at } = envelope;
  return {
    method: envelope.method,
    clientEra: client.era,
    toolUseId:
      textValue(body, at["params>_meta>claudecode/toolUseId"]) ?? textValue(body, at["params>_meta>callId"]) ?? "",
    sessionId: clientSessionId ?? textValue(body, at["params>_meta>sessionId"]) ?? session?.shortId ?? "",
    clientName: name,
    clientVersion: version,
  };
}

export type Leg = Authorised<Errand>;
