// What a server's response is to the client of a leg: the message in his era and under the names that he knows, what is written
// down of it, and the status that it leaves with. A result that cannot be read is a failure of its server.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Completion } from "../../pipeline/record.ts";
import type { Era } from "../catalogue/catalogue.ts";
import { isInputRequired, type ServerResponse } from "../wire/message.ts";
import type { Leg } from "./errand.ts";
import { failureAnswer } from "./failure-answer.ts";
import { resultFor } from "./incoming.ts";
import { withKnownUris } from "./known-uris.ts";

export type Delivery = {
  readonly outcome: Completion["outcome"];
  readonly message: Buffer | string;
  readonly status: number;
};

export type Sender = { readonly era: Era; readonly status: number };

export function deliveryOf(leg: Leg, from: Sender, response: ServerResponse): Delivery {
  const { call, view, principal, server } = leg;
  const { envelope, client, surface } = call;
  try {
    const result = resultFor(client.era, from.era, envelope.method, envelope.id, response);
    const knownUri = surface.knownUris(view, principal, server);
    const message = knownUri === undefined ? result : withKnownUris(result, knownUri);
    // A modern server's question goes to a modern client as it is: between them it is they who come again.
    const outcome = from.era === "modern" && isInputRequired(response) ? "input-required" : "answered";
    return { outcome, message, status: from.status === 400 && client.era === "modern" ? 400 : 200 };
  } catch {
    const error = new TollgateError("upstream.protocol", "Its result cannot be read.");
    return { outcome: "upstream-failed", message: failureAnswer(leg, error), status: 200 };
  }
}
