// Policies at the door to servers: what a call of a tool, a prompt or a resource is to them, and what is taken out of its
// arguments before anybody else has them. What is taken out of answers is in `forward/redacted.ts`; the call carries it.

import { limits } from "@tollgate/kernel/limits";
import type { Redaction } from "@tollgate/kernel/policy/answer";
import { redactedText } from "@tollgate/kernel/policy/redact";
import type { PolicyCall } from "@tollgate/kernel/policy/variables";
import { textIn } from "../bytes/edits.ts";
import { changedTexts } from "../bytes/texts.ts";
import type { Interceptor } from "../pipeline/call.ts";
import { decisionIdOf, obeyPolicies, requestSeen, type PolicyParts } from "../pipeline/policies.ts";
import type { Errand, Leg } from "./forward/errand.ts";
import { readEnvelope, type EnvelopeSpans } from "./wire/envelope.ts";

export function serverPolicies(parts: PolicyParts): Interceptor<Leg, Leg> {
  return (next) => (leg) => {
    const { server, tool, principal } = leg;
    const about = { server: server.name, tool };
    const obliged = obeyPolicies(parts, leg, () => policyCallOf(leg, parts.wallMs()), about);
    if (obliged === undefined) return;
    const { limits: policyLimits } = obliged;
    const redactions = obliged.redactions.filter(({ of }) => of === "tools");
    if (redactions.length + policyLimits.length === 0) return next(leg);
    const call = redactions.length === 0 ? leg.call : redactedErrand(leg.call, redactions);
    if (call !== undefined) return next({ ...leg, call, policyLimits });
    const detail = `Its arguments have more than ${limits.policyRedactedBytesMax} bytes.`;
    const decisionId = decisionIdOf(leg.call, "redact");
    parts.accounts.refuse(leg.call, { code: "policy.not-redactable", detail }, { principal, ...about, decisionId });
  };
}

function policyCallOf({ call, server, tool }: Leg, timeMs: number): PolicyCall {
  const { kind, envelope, body, description, exchange } = call;
  const { sessionId, clientName, clientVersion } = description;
  const isResource = kind === "resources" || kind === "templates";
  const { header, ip } = requestSeen(exchange);
  return {
    door: "mcp",
    method: envelope.method,
    server: server.name,
    serverId: server.id,
    tool: kind === "tools" ? tool : "",
    prompt: kind === "prompts" ? tool : "",
    resource: isResource ? tool : "",
    provider: "",
    providerId: "",
    model: "",
    isStreamed: false,
    timeMs,
    argumentsText() {
      const span = envelope.at["params>arguments"];
      return span && textIn(body, span);
    },
    header,
    ip,
    session: { id: sessionId, agent: "", client: clientName, clientVersion },
  };
}

/** With what is to be taken out of its answer, and its own arguments without it; undefined where they are too large. */
function redactedErrand(call: Errand, redactions: readonly Redaction[]): Errand | undefined {
  const carrying: Errand = { ...call, redactions: redactions.filter(({ directions }) => directions.has("response")) };
  const own = redactions.filter(({ directions }) => directions.has("request"));
  const span = call.envelope.at["params>arguments"];
  if (own.length === 0 || span === undefined) return carrying;
  if (span.end - span.start > limits.policyRedactedBytesMax) return undefined;
  const body = changedTexts(call.body, span, {
    start: "arguments",
    within: (mode) => mode,
    change: (text) => withoutAll(own, text),
  });
  return body === undefined ? carrying : withBody(carrying, body);
}

export function withoutAll(redactions: readonly Redaction[], text: string): string | undefined {
  let left = text;
  for (const redaction of redactions) left = redactedText(redaction, left) ?? left;
  return left === text ? undefined : left;
}

/** The same request in other bytes. */
function withBody(call: Errand, body: Buffer): Errand {
  const envelope = readEnvelope(body);
  if (envelope.kind !== "request") throw new Error("a request became something else without some of its text");
  const at = spanLike(call.name.at, call.envelope.at, envelope.at);
  return { ...call, body, envelope, name: { ...call.name, at } };
}

/** Where what addresses the call stands now. */
function spanLike(span: Errand["name"]["at"], before: EnvelopeSpans, now: EnvelopeSpans): Errand["name"]["at"] {
  for (const path of ["params>name", "params>uri", "params>ref>name", "params>ref>uri"] as const) {
    const found = before[path] === span ? now[path] : undefined;
    if (found !== undefined) return found;
  }
  throw new Error("what a call addresses stands nowhere in it");
}
