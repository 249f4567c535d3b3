// How both planes are told to reach brokers that ask who they are: SASL with a user's name and password, TLS with files. The
// settings are the same in both, so they are said and checked here once; how the environment and a file are read is each
// process's own.

import { z } from "zod";
import { readConfigured } from "./config-problem.ts";

export const saslMechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

export const kafkaAccessSettings = {
  TOLLGATE_KAFKA_SASL_MECHANISM: z
    .enum(saslMechanisms, { error: `must be one of ${saslMechanisms.join(", ")}` })
    .optional()
    .describe(
      `How to log in at the brokers: ${saslMechanisms.map((one) => `\`${one}\``).join(", ")}; unset: not at all.`,
    ),
  TOLLGATE_KAFKA_SASL_USERNAME: z.string().optional().describe("Whom to log in as at the brokers."),
  TOLLGATE_KAFKA_SASL_PASSWORD: z.string().optional().describe("His password."),
  TOLLGATE_KAFKA_SASL_PASSWORD_FILE: z.string().min(1).optional().describe("A file with it, in its place."),
  TOLLGATE_KAFKA_TLS_CA: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A PEM file with the authorities of the brokers' certificates, or `system` for those of the machine; unset: no TLS to the brokers.",
    ),
  TOLLGATE_KAFKA_TLS_CERT: z
    .string()
    .min(1)
    .optional()
    .describe("A PEM file with a certificate for the brokers to ask for."),
  TOLLGATE_KAFKA_TLS_KEY: z
    .string()
    .min(1)
    .optional()
    .describe("A PEM file with the key of `TOLLGATE_KAFKA_TLS_CERT`."),
} as const;

export type SaslMechanism = (typeof saslMechanisms)[number];

export type KafkaAccess = {
  sasl: { mechanism: SaslMechanism; username: string; password: { text: string } | { file: string } } | undefined;
  /** Files, but for the word `system`. */
  tls: { ca: string; identity: { cert: string; key: string } | undefined } | undefined;
};

/** The same with the files read, in the words of the client library. */
export type KafkaSecurity = {
  /** Undefined: no TLS. */
  tls: { ca?: string; cert?: string; key?: string } | undefined;
  sasl: KafkaLogin | undefined;
};

/** A type for each mechanism, as the library has it. */
type KafkaLogin = {
  [M in SaslMechanism]: { mechanism: Lowercase<M>; username: string; password: string };
}[SaslMechanism];

type Data = z.infer<z.ZodObject<typeof kafkaAccessSettings>>;

/** Sentences about settings that do not go together; none when all is well. */
export function kafkaAccessProblems(data: Data): string[] {
  const problems: string[] = [];
  const name = (of: string): string => `TOLLGATE_KAFKA_${of}`;
  const { TOLLGATE_KAFKA_SASL_PASSWORD: text, TOLLGATE_KAFKA_SASL_PASSWORD_FILE: file } = data;
  const passwords = [text, file].filter((one) => one !== undefined).length;
  if (data.TOLLGATE_KAFKA_SASL_MECHANISM === undefined) {
    if (data.TOLLGATE_KAFKA_SASL_USERNAME !== undefined || passwords > 0)
      problems.push(`${name("SASL_MECHANISM")} is needed with a username or password`);
  } else {
    if (data.TOLLGATE_KAFKA_SASL_USERNAME === undefined) problems.push(`${name("SASL_USERNAME")} is needed`);
    if (passwords !== 1) problems.push(`${name("SASL_PASSWORD")} or ${name("SASL_PASSWORD_FILE")} is needed`);
    if (data.TOLLGATE_KAFKA_SASL_MECHANISM === "PLAIN" && data.TOLLGATE_KAFKA_TLS_CA === undefined)
      problems.push(
        `${name("SASL_MECHANISM")} PLAIN would send the password in the clear: ${name("TLS_CA")} is needed`,
      );
  }
  const { TOLLGATE_KAFKA_TLS_CERT: cert, TOLLGATE_KAFKA_TLS_KEY: key } = data;
  if ((cert === undefined) !== (key === undefined))
    problems.push(`${name("TLS_CERT")} and ${name("TLS_KEY")} go together`);
  if (cert !== undefined && data.TOLLGATE_KAFKA_TLS_CA === undefined)
    problems.push(`${name("TLS_CA")} is needed with ${name("TLS_CERT")}`);
  return problems;
}

/** Of settings without problems. */
export function kafkaAccessOf(data: Data): KafkaAccess {
  const { TOLLGATE_KAFKA_SASL_MECHANISM: mechanism, TOLLGATE_KAFKA_SASL_USERNAME: username = "" } = data;
  const { TOLLGATE_KAFKA_SASL_PASSWORD: text, TOLLGATE_KAFKA_SASL_PASSWORD_FILE: file = "" } = data;
  const { TOLLGATE_KAFKA_TLS_CA: ca, TOLLGATE_KAFKA_TLS_CERT: cert, TOLLGATE_KAFKA_TLS_KEY: key } = data;
  const password = text === undefined ? { file } : { text };
  const identity = cert === undefined || key === undefined ? undefined : { cert, key };
  return {
    sasl: mechanism && { mechanism, username, password },
    tls: ca === undefined ? undefined : { ca, identity },
  };
}

/** Throws `ConfigProblem` for a file that cannot be read, before anything is dialled. */
export function kafkaSecurityOf({ sasl, tls }: KafkaAccess, readText: (path: string) => string): KafkaSecurity {
  const read = (of: string, path: string): string => readConfigured(`TOLLGATE_KAFKA_${of}`, path, readText);
  return {
    tls: tls && {
      ...(tls.ca === "system" ? {} : { ca: read("TLS_CA", tls.ca) }),
      ...(tls.identity && { cert: read("TLS_CERT", tls.identity.cert), key: read("TLS_KEY", tls.identity.key) }),
    },
    sasl:
      sasl &&
      ({
        mechanism: sasl.mechanism.toLowerCase(),
        username: sasl.username,
        password:
          "text" in sasl.password
            ? sasl.password.text
            : read("SASL_PASSWORD_FILE", sasl.password.file).replace(/\r?\n$/, ""),
      } as KafkaLogin),
  };
}

/** For a start line: who logs in, and not with what. */
export function redactedKafkaAccess({ sasl, tls }: KafkaAccess): unknown {
  const { mechanism, username } = sasl ?? {};
  return { sasl: sasl && { mechanism, username, password: "[redacted]" }, tls };
}
