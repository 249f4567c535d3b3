// One request for a model on its way: what came, at which door, and what was read of it.

import type { HeldBody } from "../http/held-body.ts";
import type { Exchange } from "../http/listener.ts";
import type { DescribedModelCall, ReachedProvider } from "../pipeline/call.ts";
import type { Format } from "./format.ts";
import type { ModelRequest } from "./wire/request.ts";

export type ModelErrand = DescribedModelCall & {
  readonly exchange: Exchange;
  readonly format: Format;
  readonly sent: Sent;
  /** As it came, unpacked. */
  readonly body: HeldBody;
};

export type Sent =
  | {
      readonly kind: "call";
      readonly request: ModelRequest;
      /** Of the protocol, with the query as it came. */
      readonly path: string;
    }
  /** What is not known here: nothing of it is read. */
  | { readonly kind: "passed"; readonly path: string };

/** Calls of which this is the same are best served by one credential of a provider. */
export function stickyOf({ call, principal }: ReachedProvider<ModelErrand>): string {
  const { sessionId } = call.description;
  return sessionId === "" ? principal.key.id : sessionId;
}
