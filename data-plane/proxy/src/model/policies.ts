// Policies at the doors to models: what a call is to them, and what is taken out of the text of its messages before a provider
// has it. All texts in messages are looked through but for those that are no language: what names things of the protocol, what
// a provider has signed or encrypted, and bytes in base64. What the gate passes on without knowing it cannot be looked
// through, and is refused where something has to be taken out.

import { limits } from "@tollgate/kernel/limits";
import type { Redaction } from "@tollgate/kernel/policy/answer";
import { redactedText } from "@tollgate/kernel/policy/redact";
import type { PolicyCall } from "@tollgate/kernel/policy/variables";
import { changedTexts } from "../bytes/texts.ts";
import { heldBody } from "../http/held-body.ts";
import type { Interceptor, ReachedProvider } from "../pipeline/call.ts";
import { decisionIdOf, obeyPolicies, requestSeen, type PolicyParts } from "../pipeline/policies.ts";
import type { ModelErrand } from "./errand.ts";
import { readRequest } from "./wire/request.ts";

type Reached = ReachedProvider<ModelErrand>;

export function modelPolicies(parts: PolicyParts): Interceptor<Reached, Reached> {
  return (next) => (reached) => {
    const { call, principal, model } = reached;
    const obliged = obeyPolicies(parts, reached, () => policyCallOf(reached, parts.wallMs()), { model });
    if (obliged === undefined) return;
    const { limits: policyLimits } = obliged;
    const redactions = obliged.redactions.filter(({ of, directions }) => of === "models" && directions.has("request"));
    if (redactions.length + policyLimits.length === 0) return next(reached);
    const redacted = redactions.length === 0 ? call : redactedErrand(call, redactions);
    if (typeof redacted !== "string") return next({ ...reached, call: redacted, policyLimits });
    const refusal = { code: "policy.not-redactable", detail: redacted } as const;
    parts.accounts.refuse(call, refusal, { principal, model, decisionId: decisionIdOf(call, "redact") });
  };
}

function policyCallOf({ call, provider, model }: Reached, timeMs: number): PolicyCall {
  const { door, description, exchange } = call;
  const { operation, isStreamed, sessionId, agentId, clientName, clientVersion } = description;
  const { header, ip } = requestSeen(exchange);
  // Written out: for each call copying parts of it together costs as much as to ask two policies.
  return {
    door,
    method: operation,
    server: "",
    serverId: "",
    tool: "",
    prompt: "",
    resource: "",
    provider: provider.name,
    providerId: provider.id,
    model,
    isStreamed,
    timeMs,
    argumentsText: () => undefined,
    header,
    ip,
    session: { id: sessionId, agent: agentId, client: clientName, clientVersion },
  };
}

/** Or why it cannot be looked through. */
function redactedErrand(call: ModelErrand, redactions: readonly Redaction[]): ModelErrand | string {
  const { sent, body } = call;
  if (sent.kind === "passed") return "The gate does not know this path, and not where text stands in its body.";
  const bytes = body.take() ?? Buffer.alloc(0);
  if (bytes.length > limits.policyRedactedBytesMax)
    return `Its body has more than ${limits.policyRedactedBytesMax} bytes.`;
  const changed = changedTexts<Mode>(bytes, { start: 0, end: bytes.length }, { start: "body", within, change });
  const held = heldBody(changed ?? bytes, body);
  if (changed === undefined) return { ...call, body: held };
  const request = readRequest(sent.request.operation, changed);
  if ("problem" in request) throw new Error(`a body became ${request.problem} without some of its text`);
  return { ...call, body: held, sent: { ...sent, request } };

  function change(text: string, mode: Mode): string | undefined {
    if (mode === "data" && base64.test(text)) return undefined;
    let left = text;
    for (const redaction of redactions) left = redactedText(redaction, left) ?? left;
    return left === text ? undefined : left;
  }
}

type Mode = "body" | "text" | "data" | "structured";

const base64 = /^[A-Za-z0-9+/=\s]*$/;
const withText: ReadonlySet<string> = new Set(["messages", "system", "input", "instructions", "prompt"]);
/** Names of the protocol, and what has to come back to its provider as it was. */
const kept: ReadonlySet<string> = new Set([
  ...["type", "role", "id", "name", "tool_use_id", "tool_call_id", "call_id", "item_reference", "status", "phase"],
  ...["media_type", "detail", "format", "url", "image_url", "file_id", "file_data", "filename", "citations"],
  ...["signature", "thinking", "encrypted_content", "cache_control", "namespace"],
]);

function within(mode: Mode, member: string): Mode | undefined {
  if (mode === "body") return withText.has(member) ? "text" : undefined;
  if (mode === "structured") return mode;
  // What a model gave to a tool: its members are anything.
  if (member === "input") return "structured";
  if (member === "data") return "data";
  return kept.has(member) ? undefined : "text";
}
