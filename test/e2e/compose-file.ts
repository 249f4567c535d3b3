// `docker-compose.yml` as data: read with its anchors and merges, interpolated as compose does it, and checked against the
// part of the compose specification that the file uses. The schema here is our own writing of that part, and closed: a
// member that it does not name is an error, so that a mistyped one is found. It starts nothing.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";

export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly stop_grace_period: string;
  readonly [other: string]: unknown;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, null>>;
}

export function readComposeFile(path: string, variables: Readonly<Record<string, string>>): ComposeFile {
  const text = readFileSync(path, "utf8");
  const file = interpolated(parse(text, { merge: true }), variables);
  const problems = composeProblems(file);
  if (problems.length > 0) throw new Error(`${path} is no compose file: ${problems.join("; ")}`);
  // Its shape was just checked.
  return file as ComposeFile;
}

/** `${NAME:?message}`, the one form that the file uses; any other dollar sign is an error. */
function interpolated(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => interpolated(item, variables));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, interpolated(item, variables)]));
  if (typeof value !== "string") return value;
  const text = value.replaceAll(/\$\{(\w+):\?([^}]+)\}/g, (_, name: string, message: string) => {
    const found = variables[name];
    if (found === undefined) throw new Error(`${name} ${message}`);
    return found;
  });
  if (text.includes("$")) throw new Error(`a dollar sign that compose reads otherwise: ${value}`);
  return text;
}

const text = { type: "string", minLength: 1 };
const texts = { type: "array", items: text, minItems: 1 };
const duration = { type: "string", pattern: "^([0-9]+(us|ms|s|m|h))+$" };
const name = "^[a-zA-Z0-9._-]+$";
const closed = (properties: Record<string, unknown>, required: readonly string[] = []): Record<string, unknown> => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});
const named = (item: unknown): Record<string, unknown> => ({
  type: "object",
  patternProperties: { [name]: item },
  additionalProperties: false,
});

const healthcheck = closed(
  {
    test: { type: "array", items: text, minItems: 2 },
    interval: duration,
    timeout: duration,
    start_period: duration,
    retries: { type: "integer", minimum: 1 },
  },
  ["test", "interval", "timeout", "retries", "start_period"],
);

const service = closed(
  {
    image: text,
    build: closed({ context: text, dockerfile: text, target: text }, ["context", "dockerfile", "target"]),
    user: text,
    command: texts,
    environment: {
      type: "object",
      patternProperties: { "^[A-Z][A-Z0-9_]*$": { type: ["string", "number"] } },
      additionalProperties: false,
    },
    volumes: { type: "array", items: { type: "string", pattern: "^[\\w.-]+:/[\\w/.-]+(:ro)?$" } },
    configs: { type: "array", items: closed({ source: text, target: text }, ["source", "target"]) },
    secrets: texts,
    ports: { type: "array", items: { type: "string", pattern: "^[0-9.]+:[0-9]+:[0-9]+$" } },
    depends_on: named(
      closed({ condition: { enum: ["service_started", "service_healthy", "service_completed_successfully"] } }, [
        "condition",
      ]),
    ),
    healthcheck,
    restart: { enum: ["no", "always", "on-failure", "unless-stopped"] },
    init: { type: "boolean" },
    read_only: { type: "boolean" },
    tmpfs: texts,
    cap_drop: texts,
    security_opt: texts,
    stop_grace_period: duration,
  },
  ["image", "environment", "healthcheck", "restart", "stop_grace_period"],
);

const composeSchema = {
  ...closed(
    {
      name: { type: "string", pattern: "^[a-z0-9][a-z0-9_-]*$" },
      services: named(service),
      secrets: named(closed({ environment: text }, ["environment"])),
      configs: named(closed({ file: text }, ["file"])),
      volumes: named({ type: "null" }),
    },
    ["name", "services", "secrets", "configs", "volumes"],
  ),
  patternProperties: { "^x-": {} },
};

export function composeProblems(file: unknown): string[] {
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(composeSchema);
  if (validate(file)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
