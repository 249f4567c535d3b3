// What is said of an error, and how one of each class looks in each door's own envelope. A door that no class knows yet gets a column here, and all
// classes with it.

export type ErrorClass =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "too-large"
  | "exhausted"
  | "upstream"
  | "unavailable"
  | "internal";

/** One row a class: HTTP status, JSON-RPC code, gRPC status, GraphQL code, Anthropic and OpenAI error types. */
export const errorShapes = {
  invalid: {
    http: 400,
    jsonRpc: -32600,
    grpc: 3,
    graphql: "BAD_USER_INPUT",
    anthropic: "invalid_request_error",
    openai: "invalid_request_error",
  },
  unauthenticated: {
    http: 401,
    jsonRpc: -32001,
    grpc: 16,
    graphql: "UNAUTHENTICATED",
    anthropic: "authentication_error",
    openai: "invalid_request_error",
  },
  forbidden: {
    http: 403,
    jsonRpc: -32003,
    grpc: 7,
    graphql: "FORBIDDEN",
    anthropic: "permission_error",
    openai: "invalid_request_error",
  },
  "not-found": {
    http: 404,
    jsonRpc: -32602,
    grpc: 5,
    graphql: "NOT_FOUND",
    anthropic: "not_found_error",
    openai: "invalid_request_error",
  },
  conflict: {
    http: 409,
    jsonRpc: -32600,
    grpc: 10,
    graphql: "CONFLICT",
    anthropic: "invalid_request_error",
    openai: "invalid_request_error",
  },
  "too-large": {
    http: 413,
    jsonRpc: -32600,
    grpc: 3,
    graphql: "BAD_USER_INPUT",
    anthropic: "request_too_large",
    openai: "invalid_request_error",
  },
  exhausted: {
    http: 429,
    jsonRpc: -32003,
    grpc: 8,
    graphql: "RESOURCE_EXHAUSTED",
    anthropic: "rate_limit_error",
    openai: "rate_limit_exceeded",
  },
  upstream: {
    http: 502,
    jsonRpc: -32603,
    grpc: 14,
    graphql: "UPSTREAM",
    anthropic: "api_error",
    openai: "server_error",
  },
  unavailable: {
    http: 503,
    jsonRpc: -32603,
    grpc: 14,
    graphql: "UNAVAILABLE",
    anthropic: "overloaded_error",
    openai: "server_error",
  },
  internal: {
    http: 500,
    jsonRpc: -32603,
    grpc: 13,
    graphql: "INTERNAL_SERVER_ERROR",
    anthropic: "api_error",
    openai: "server_error",
  },
} as const satisfies Record<ErrorClass, ErrorShape>;

export type ErrorShape = {
  http: number;
  jsonRpc: number;
  grpc: number;
  graphql: string;
  anthropic: string;
  openai: string;
};

/** Doors whose errors have a type beside the status. */
export type ModelDoor = "anthropic" | "openai";

export type DoorShape = { http: number; type: string; code: string };

export type ErrorEntry = {
  class: ErrorClass;
  /** What the caller reads. */
  text: string;
  /** What it means for whoever operates the gate, and what to do. */
  help: string;
  /** Where a protocol names its own JSON-RPC code for it. */
  jsonRpc?: number;
  /** Where HTTP has a status of its own for it. */
  http?: number;
  /** Where clients of a door to models act on what that door's protocol says of it. */
  doors?: Partial<Record<ModelDoor, Partial<DoorShape>>>;
};
