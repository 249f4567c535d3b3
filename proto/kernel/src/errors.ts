// Every error that leaves a process of ours has a code here: what a person outside is told, what an operator should know
// and do, and the class that decides how it looks in each door's own envelope. `docs/errors.md` is generated from this
// file, and a test looks for each code in the source. Nothing secret is ever put into a text.

import {
  errorShapes,
  type DoorShape,
  type ErrorClass,
  type ErrorEntry,
  type ErrorShape,
  type ModelDoor,
} from "./error-shapes.ts";
import { quotaErrors } from "./quota-errors.ts";
import { requestErrors } from "./request-errors.ts";
import { policyErrors } from "./policy/errors.ts";

export { errorShapes, type DoorShape, type ErrorClass, type ErrorEntry, type ErrorShape, type ModelDoor };

export const errors = {
  "auth.key-missing": {
    class: "unauthenticated",
    text: "No Tollgate key was sent.",
    help: "Send the key as `Authorization: Bearer tg_…`, `x-api-key` or `x-tollgate-key`.",
  },
  "auth.key-malformed": {
    class: "unauthenticated",
    text: "What was sent is not a Tollgate key: its form or its check characters are wrong.",
    help: "The key was cut off, mistyped or belongs to another product. It was refused without a look-up.",
  },
  "auth.key-unknown": {
    class: "unauthenticated",
    text: "The key is not known, or it was revoked or rotated.",
    help: "Issue a new key. A rotated key's former secret works until its overlap has ended.",
  },
  "auth.key-expired": {
    class: "unauthenticated",
    text: "The key has expired.",
    help: "Change the key's expiry or issue a new one.",
  },
  "auth.keys-conflict": {
    class: "unauthenticated",
    text: "The request carries two different credentials.",
    help: "Send one. Two are refused because nobody could say who made the call.",
  },
  "auth.admin-token-on-proxy": {
    class: "unauthenticated",
    text: "Admin tokens do not open the proxy.",
    help: "Use a virtual key (`tg_key_…` or `tg_svc_…`).",
  },
  "auth.scope-refused": {
    class: "forbidden",
    text: "The gate holds something about this key that it cannot enforce, and refuses it until it can.",
    help: "The proxy is older than a feature that the key, its user, its team or the team's customer needs, or their record is incomplete. Roll the proxies, then look at `fleet`.",
  },
  "auth.token-refused": {
    class: "unauthenticated",
    text: "The admin token is missing, unknown, revoked or expired.",
    help: "Send `Authorization: Bearer tg_adm_…`. The first token is in the file that `ready.json` names.",
  },
  "auth.permission-denied": {
    class: "forbidden",
    text: "The admin token does not have the permission that this needs.",
    help: "The permission table in the control plane lists what each field needs.",
  },
  ...requestErrors,
  "mcp.parse-error": { class: "invalid", text: "The body is not JSON.", help: "Nothing was sent on.", jsonRpc: -32700 },
  "mcp.invalid-request": {
    class: "invalid",
    text: "The body is not a JSON-RPC request.",
    help: "One object with `jsonrpc`, `method` and, for a request, `id`.",
    jsonRpc: -32600,
  },
  "mcp.duplicate-member": {
    class: "invalid",
    text: "A member that decides about the call occurs twice.",
    help: "Two readers of one message must not see two truths; the call was refused unread.",
    jsonRpc: -32600,
  },
  "mcp.method-unknown": {
    class: "not-found",
    text: "The method is not known here.",
    help: "The protocol of that version has no such method, or it is one of tasks, which the gate does not serve.",
    jsonRpc: -32601,
  },
  "mcp.tool-unknown": {
    class: "not-found",
    text: "Unknown tool.",
    help: "It does not exist, or the key does not reach it; both answer alike.",
    jsonRpc: -32602,
  },
  "mcp.list-full": {
    class: "exhausted",
    text: "There is no room for another server's list just now.",
    help: "The server is tried again by itself; its health says so meanwhile. `TOLLGATE_LIST_GATHERED_BYTES_MAX` bounds all that is received at a time.",
  },
  "mcp.session-missing": {
    class: "invalid",
    text: "The request belongs to no session.",
    help: "A client of the versions before 2026-07-28 begins with `initialize` and sends the `Mcp-Session-Id` that it is given; a later one names its version in `_meta`.",
  },
  "mcp.session-unknown": {
    class: "not-found",
    text: "The session is not known; begin another one.",
    help: "It was ended, was not used for long, or had to make room for newer ones; clients begin another by themselves.",
  },
  "mcp.streams-full": {
    class: "exhausted",
    text: "As many streams are open as may be.",
    help: "A client opens streams and does not close them. The bounds are `TOLLGATE_STREAMS_PER_KEY_MAX` and `TOLLGATE_STREAMS_MAX`.",
  },
  "mcp.not-acceptable": {
    class: "invalid",
    text: "The client does not accept both application/json and text/event-stream.",
    help: "The protocol lets a server answer with either, so a client has to take both.",
  },
  "mcp.header-mismatch": {
    class: "invalid",
    text: "The headers do not say what the body says.",
    help: "A client of 2026-07-28 repeats version, method and name in headers. Something between it and the gate changed one of them, or the client is wrong.",
    jsonRpc: -32020,
  },
  "mcp.version-unsupported": {
    class: "invalid",
    text: "The protocol version is not served here.",
    help: "The message names those that are. A tool group may serve one era alone.",
    jsonRpc: -32022,
  },
  "mcp.meta-missing": {
    class: "invalid",
    text: "The request's `_meta` lacks what each request has to say.",
    help: "A client of 2026-07-28 sends its version and its capabilities with every request.",
    jsonRpc: -32602,
  },
  "mcp.capability-missing": {
    class: "invalid",
    text: "The server needs something of the client that it did not declare.",
    help: "The server asked for input (elicitation, sampling or roots) in the middle of a call, which this client cannot give.",
    jsonRpc: -32021,
  },
  "mcp.params-invalid": {
    class: "invalid",
    text: "The parameters are not what the method takes.",
    help: "The message says which.",
    jsonRpc: -32602,
  },
  "mcp.cursor-invalid": {
    class: "invalid",
    text: "The cursor is not one of this list.",
    help: "It was changed, is too old, or belongs to another key. The client begins the list anew.",
    jsonRpc: -32602,
  },
  "mcp.state-invalid": {
    class: "invalid",
    text: "The request's state is not one that was given for it.",
    help: "It was changed, is too old, or belongs to another key or another request. The call has to be made anew.",
    jsonRpc: -32602,
  },
  "mcp.call-lost": {
    class: "conflict",
    text: "The call that waited for an answer is not there any more.",
    help: "The client took longer than a call may wait, or the proxy that held it has ended. The server was told that the call is given up; nothing is run a second time.",
    jsonRpc: -32603,
  },
  "mcp.calls-full": {
    class: "exhausted",
    text: "As many calls wait for their clients as may.",
    help: "Clients do not answer what servers ask in the middle of calls. The bound is `TOLLGATE_PARKED_CALLS_MAX`.",
    jsonRpc: -32603,
  },
  "mcp.prompt-unknown": {
    class: "not-found",
    text: "There is no such prompt.",
    help: "It does not exist, or the key does not reach it: the two are not told apart.",
  },
  "mcp.resource-unknown": {
    class: "not-found",
    text: "There is no such resource.",
    help: "It does not exist, the key does not reach it, or more than one server could have it.",
  },
  "mcp.group-unknown": {
    class: "not-found",
    text: "There is no such tool group.",
    help: "It does not exist, or the key reaches nothing in it: the two are not told apart.",
  },
  "mcp.input-refused": {
    class: "upstream",
    text: "The client answered the server's question with an error.",
    help: "The server asked for input in the middle of a call, and the client could not give it; the call has ended.",
  },
  "mcp.input-late": {
    class: "upstream",
    text: "The client did not answer the server's question in time.",
    help: "The server asked for input in the middle of a call and got none for ten minutes, or `TOLLGATE_PARKED_MS_MAX`; the call has ended.",
  },
  "model.unknown": {
    class: "not-found",
    text: "There is no such model.",
    help: "It does not exist, or the key does not reach it: the two are not told apart. `models` of the key and of its team say what it reaches.",
    doors: {
      anthropic: { http: 400, type: "invalid_request_error" },
      openai: { code: "model_not_found" },
    },
  },
  "model.missing": {
    class: "invalid",
    text: "The request names no model.",
    help: "The body's `model` is a text that is not empty.",
  },
  "model.format-unsupported": {
    class: "invalid",
    text: "The model is of another protocol than this door, and nothing translates between them yet.",
    help: "A model of an `anthropic` provider is called at the Anthropic door, one of an `openai` provider at the OpenAI door.",
  },
  "model.duplicate-member": {
    class: "invalid",
    text: "A member of the body that decides about the call occurs twice.",
    help: "The provider might read the other one; the call was not sent on.",
  },
  "model.body-not-json": {
    class: "invalid",
    text: "The body is not a JSON object.",
    help: "Nothing was sent on.",
  },
  "model.encoding-unsupported": {
    class: "invalid",
    http: 415,
    text: "The body is compressed in a way that is not read here.",
    help: "Bodies are read plain, or as gzip, deflate, br or, where the gate's Node has it, zstd.",
  },
  "model.bodies-full": {
    class: "unavailable",
    text: "The gate holds as many bodies of calls as it may just now.",
    help: "Many large calls are under way at once. Clients try again by themselves. The bound is `TOLLGATE_MODEL_BODIES_BYTES_MAX`.",
  },
  "model.operation-unknown": {
    class: "not-found",
    text: "The gate does not know this path of the provider's, and does not pass it on.",
    help: "A provider with `passthrough` is sent what is not known here, too, metered by bytes and time only.",
  },
  "model.count-unavailable": {
    class: "upstream",
    http: 501,
    text: "The provider does not count tokens.",
    help: "It has no such path. Clients estimate then by themselves.",
    doors: { anthropic: { type: "not_supported" } },
  },
  ...quotaErrors,
  ...policyErrors,
  "upstream.unreachable": {
    class: "upstream",
    text: "The server could not be reached.",
    help: "The message names the server. Its URL, its network and its certificate are the places to look.",
  },
  "upstream.session-lost": {
    class: "upstream",
    text: "The server ended its session in the middle of the call.",
    help: "The server was restarted. What it did of the call is not known, so the call is not sent again.",
  },
  "upstream.not-ready": {
    class: "upstream",
    text: "The server has not answered yet since it was registered, or since this proxy started.",
    help: "The gate connects by itself; `servers { nodes { health { state reason } } }` says what is in the way.",
  },
  "upstream.timeout": {
    class: "upstream",
    text: "The server did not answer in time.",
    help: "The limit is the server's own `timeoutSeconds`.",
  },
  "upstream.address-refused": {
    class: "upstream",
    text: "The server's address is not one that may be dialled.",
    help: "Private and loopback ranges need `allowPrivateNetwork` on the server; link-local ranges are never dialled.",
  },
  "upstream.protocol": {
    class: "upstream",
    text: "The server's answer was not what the protocol asks for.",
    help: "The server answered, but not with MCP.",
  },
  "upstream.too-large": {
    class: "upstream",
    text: "The server's answer is larger than the gate takes.",
    help: "It was left out of a list, or no session could be opened with it. The `TOLLGATE_LIST_SERVER_…_MAX` settings bound one server's list.",
  },
  "upstream.secret-missing": {
    class: "upstream",
    text: "A credential that the server needs is not at hand.",
    help: "The secret was erased, or the proxy could not fetch it yet.",
  },
  "upstream.credential-refused": {
    class: "upstream",
    text: "The provider did not take the gate's credential.",
    help: "It was revoked, has expired, or may not use the model. The client's own key is in order. `failedAttempts` of the call say which credentials were tried.",
  },
  "upstream.credentials-missing": {
    class: "upstream",
    text: "The gate has no credential for this model at the provider.",
    help: "None of the provider's credentials is for the model, or their secrets were erased or could not be fetched yet.",
  },
  "proxy.not-ready": {
    class: "unavailable",
    text: "The proxy is not ready yet.",
    help: "It waits for its first snapshot from the control plane; `/readyz` says for what.",
  },
  "proxy.draining": {
    class: "unavailable",
    text: "The proxy is shutting down.",
    help: "Retry: the balancer sends the next call elsewhere.",
  },
  "proxy.replica-stale": {
    class: "unavailable",
    text: "The proxy has been cut off from the control plane for too long to know who may still call.",
    help: "It refuses once its view is older than its environment's `replicaAgeMsMax`, or else `TOLLGATE_REPLICA_AGE_MS_MAX`, and serves again when the control plane is back.",
  },
  "proxy.id-held": {
    class: "conflict",
    text: "The proxy's id was another process's a moment ago.",
    help: "A proxy that was killed and started again has its id back three seconds after it was last heard of, by itself. Where both go on, it becomes `proxy.id-in-use`.",
  },
  "proxy.id-in-use": {
    class: "conflict",
    text: "Another process reports under this proxy's id.",
    help: "A data directory was copied, or two processes share one. The one that came first keeps the id while it is heard of; `fleet` shows it as contested. Stop the other and give it an empty data directory.",
  },
  "fleet.cannot-enforce": {
    class: "conflict",
    text: "A live proxy cannot enforce what this would put in force, and would refuse it.",
    help: "Roll the proxies first. Who means it all the same sends the header `x-tollgate-force: true`; the proxies that cannot enforce the resource refuse it until they can.",
  },
  "log.conflict": {
    class: "conflict",
    text: "Somebody else changed the same resource at the same time.",
    help: "It was retried several times and lost each; try again.",
  },
  "log.too-large": {
    class: "too-large",
    text: "The change is too large for one event.",
    help: "An event is bounded so that every broker takes it; split the resource.",
  },
  "log.unavailable": {
    class: "unavailable",
    text: "The database could not be reached, so it is not known whether the change was made.",
    help: "Read before you repeat a change. `/readyz` of the control plane says when the database is back.",
  },
  "read.behind": {
    class: "unavailable",
    text: "The read side has not reached the position that was asked for.",
    help: "A projection lags or has stopped; `/readyz` of the control plane names it.",
  },
  "enrolment.token-refused": {
    class: "unauthenticated",
    text: "The join token is missing, unknown, spent, revoked or expired, or it is for another environment.",
    help: "Issue another with `issueJoinToken`. Over a Unix socket both planes need the same `TOLLGATE_JOIN_TOKEN`.",
  },
  "enrolment.certificate-refused": {
    class: "unauthenticated",
    text: "The client certificate is missing, expired, or not from this control plane's authority.",
    help: "A proxy joins with a join token and renews its certificate by itself. One that was away for longer than a certificate lives shows its join token again. From anybody else this is a stranger at the door.",
  },
  "enrolment.proxy-refused": {
    class: "forbidden",
    text: "The proxy is not enrolled.",
    help: "After a restore from a backup, proxies that had joined since have to join again, with an empty data directory. From anybody else this is a stranger at the door.",
  },
  "enrolment.proxy-revoked": {
    class: "forbidden",
    text: "The proxy was revoked.",
    help: "It forgets what it knows and stops. What is revoked does not come back: give the proxy an empty data directory and a new join token.",
  },
  "enrolment.id-taken": {
    class: "conflict",
    text: "A proxy with this id and another key is enrolled already.",
    help: "Somebody copied a proxy's id without its key. Each proxy needs a data directory of its own.",
  },
  "enrolment.busy": {
    class: "exhausted",
    text: "As many proxies are joining as may at once.",
    help: "The proxy tries again by itself. Where it lasts without a fleet that starts, a stranger knocks with guessed tokens.",
  },
  "sync.log-differs": {
    class: "conflict",
    text: "The position belongs to another log.",
    help: "The database was replaced or restored; the proxy takes a new snapshot by itself.",
  },
  "sync.log-behind": {
    class: "unavailable",
    text: "The proxy has applied more of this log than the control plane has, or something else.",
    help: "The database was restored from a backup or replaced by an older one. Where that was meant, start the control plane with the next `TOLLGATE_INCARNATION`; until then the proxy keeps what it has.",
  },
  "sync.policies-unknown": {
    class: "conflict",
    text: "There are policies, and the proxy is too old to know of any.",
    help: "It would let through what they refuse. Roll the proxy; it is not ready until then.",
  },
  "sync.snapshots-busy": {
    class: "exhausted",
    text: "As many proxies wait for a snapshot as may.",
    help: "The proxy tries again by itself. Where it lasts, proxies read too slowly, or more of them start at once than one control plane can serve.",
  },
  "sync.snapshot-too-slow": {
    class: "unavailable",
    text: "The snapshot was not read in the time that one may take.",
    help: "The proxy tries again by itself. Where it lasts, the network between the planes is too slow for the size of the state, or the proxy is overloaded.",
  },
  "usage.invalid": {
    class: "invalid",
    text: "The facts are not well-formed; none of them was stored.",
    help: "The message says which fact. Proxy and control plane are of versions that do not fit, or somebody else wrote it.",
  },
  "usage.forged": {
    class: "unauthenticated",
    text: "The facts are not signed with the key of their epoch; none of them was stored.",
    help: "Somebody who is not the proxy that the epoch was given to wrote them, or they were changed on their way. Look at who can write to the topic.",
  },
  "usage.forked": {
    class: "conflict",
    text: "The epoch has other facts than these already; none of them was stored.",
    help: "Two proxies write with one identity: a data directory was copied while its proxy went on. Give one of them a directory of its own. The facts that were not taken are still in its spool.",
  },
  "usage.proxy-revoked": {
    class: "forbidden",
    text: "The facts are of a proxy that was revoked; none of them was stored.",
    help: "Nobody can tell any more what the proxy itself has written. What it said that it had counted until then is kept, and shows how much is missing.",
  },
  "internal.bug": {
    class: "internal",
    text: "Something went wrong inside the gate.",
    help: "The log has the details under the request id. Please report it.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errors;

/** An error with a code. `detail` is told to the caller after the public text; `internal` only to the log. */
export class TollgateError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    super(publicText(code, detail), options);
    this.name = "TollgateError";
    this.code = code;
    this.detail = detail;
  }
}

export function publicText(code: ErrorCode, detail?: string): string {
  return detail === undefined ? errors[code].text : `${errors[code].text} ${detail}`;
}

export function shapeOf(code: ErrorCode): ErrorShape {
  const entry: ErrorEntry = errors[code];
  const shape = errorShapes[entry.class];
  return { ...shape, jsonRpc: entry.jsonRpc ?? shape.jsonRpc, http: entry.http ?? shape.http };
}

/** As a door to models says it. The code is ours where the door's protocol has none for it. */
export function doorShapeOf(code: ErrorCode, door: ModelDoor): DoorShape {
  const { http, [door]: type } = shapeOf(code);
  const entry: ErrorEntry = errors[code];
  return { http, type, code, ...entry.doors?.[door] };
}
