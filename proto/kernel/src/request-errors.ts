// The errors of requests that are wrong in themselves, whatever they ask for: a part of the registry in `errors.ts`, which alone
// is to be imported elsewhere.

import type { ErrorEntry } from "./error-shapes.ts";

export const requestErrors = {
  "request.invalid": {
    class: "invalid",
    text: "The request is not well-formed.",
    help: "The message says which part is wrong.",
  },
  "request.too-large": {
    class: "too-large",
    text: "The request is larger than the limit.",
    help: "The message names the limit.",
  },
  "request.too-slow": {
    class: "invalid",
    http: 408,
    text: "The request did not come in time.",
    help: "Headers have ten seconds, and a request with its body ten minutes.",
  },
  "request.key-reused": {
    class: "conflict",
    text: "The idempotency key was used for another mutation, or with other arguments.",
    help: "Take a new key for each intent; repeat a mutation exactly as it was sent. Keys are remembered for 24 hours.",
  },
  "request.narrowing-invalid": {
    class: "invalid",
    text: "The request asks to reach less than its key does, in a way that cannot be read.",
    help: "`x-tollgate-tools` and `x-tollgate-models` hold patterns as those of keys, and `x-tollgate-servers` names of servers, all with commas between them. An empty header reaches nothing.",
  },
  "request.label-invalid": {
    class: "invalid",
    text: "The request's labels cannot be read.",
    help: "`x-tollgate-labels` is `name=value`, several with commas between them, each name once.",
  },
  "request.label-refused": {
    class: "forbidden",
    text: "The key does not permit a label that the request is marked with.",
    help: "What a call may be marked with is in the key's `labels`: otherwise a client could choose to whose account it goes.",
  },
  "request.host-refused": {
    class: "forbidden",
    text: "The Host header does not name this gate.",
    help: "A gate on a loopback address takes loopback names and those in `TOLLGATE_ALLOWED_HOSTS`: a web page could otherwise reach it through a name of its own.",
  },
  "request.origin-refused": {
    class: "forbidden",
    text: "Web pages of this origin may not call the gate.",
    help: "List the origin in `TOLLGATE_ALLOWED_ORIGINS` if its pages shall.",
  },
  "request.path-unknown": {
    class: "not-found",
    text: "Nothing is served at this path.",
    help: "The doors are listed in the README.",
    jsonRpc: -32601,
  },
  "request.method-not-allowed": {
    class: "invalid",
    http: 405,
    text: "This path does not take that HTTP method.",
    help: "`/mcp` takes POST, GET and DELETE; the doors to models take POST for calls and GET for lists.",
  },
} as const satisfies Record<string, ErrorEntry>;
