// What a server's response is to the client of a leg: the message in his era and under the names that he knows, what is written
// down of it, and the status that it leaves with. A result that cannot be read is a failure of its server.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Completion } from "../../pipeline/record.ts";
import type { Era } from "../catalogue/catalogue.ts";
import { memberFinder, valueOf } from "../../bytes/members.ts";
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
    const code = errorCodeIn(response);
    if (code === capabilityMissing && client.era === "legacy") throw lacking(response);
    const result = resultFor(client.era, from.era, envelope.method, envelope.id, response);
    const knownUri = surface.knownUris(view, principal, server);
    const message = knownUri === undefined ? result : withKnownUris(result, knownUri);
    // A modern server's question goes to a modern client as it is: between them it is they who come again.
    const outcome = from.era === "modern" && isInputRequired(response) ? "input-required" : "answered";
    return { outcome, message, status: client.era === "modern" ? statusOf(code, from.status) : 200 };
  } catch (error) {
    const failure = new TollgateError("upstream.protocol", "Its result cannot be read.");
    const message = failureAnswer(leg, error instanceof TollgateError ? error : failure);
    return { outcome: "upstream-failed", message, status: 200 };
  }
}

const capabilityMissing = -32021;
const methodUnknown = -32601;
const findCode = memberFinder(["error>code"]);
const findRequired = memberFinder(["error>data>requiredCapabilities"]);

function errorCodeIn({ bytes, at }: ServerResponse): unknown {
  const span = at.error && findCode(bytes)["error>code"];
  return span && valueOf(bytes, span);
}

/**
 * With what status an error leaves: 2026-07-28 wants 400 for a missing capability, and 404 for a method that the server does not
 * have. Only the server knows whether it has none, or a tool of its said so: it is taken at its own status.
 */
function statusOf(code: unknown, sent: number): number {
  if (code === capabilityMissing) return 400;
  if (code === methodUnknown && sent === 404) return 404;
  return sent === 400 ? 400 : 200;
}

/** Former versions have no number for it. */
function lacking({ bytes }: ServerResponse): TollgateError {
  const span = findRequired(bytes)["error>data>requiredCapabilities"];
  const names = span === undefined ? [] : Object.keys(Object(valueOf(bytes, span))).slice(0, namesMax);
  const what = names.length === 0 ? "something" : names.join(", ").slice(0, namesCharsMax);
  return new TollgateError("upstream.protocol", `It asks for ${what}, which the client does not support.`);
}

const namesMax = 8;
const namesCharsMax = 200;
