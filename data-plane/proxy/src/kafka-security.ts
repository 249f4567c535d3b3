// What the settings say of access to brokers, as kafkajs wants it, with the files read. A file that cannot be read is a
// mistake of the configuration, told before anything is dialled.

import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { KafkaAccess, SaslMechanism } from "@tollgate/kernel/kafka-access";
import { ConfigProblem } from "./config.ts";

export type KafkaSecurity = {
  /** Undefined: no TLS. */
  tls: ConnectionOptions | undefined;
  sasl: { mechanism: SaslMechanism; username: string; password: string } | undefined;
};

export function kafkaSecurityOf({ sasl, tls }: KafkaAccess): KafkaSecurity {
  return {
    tls: tls && {
      ...(tls.ca === "system" ? {} : { ca: read("TOLLGATE_KAFKA_TLS_CA", tls.ca) }),
      ...(tls.identity && {
        cert: read("TOLLGATE_KAFKA_TLS_CERT", tls.identity.cert),
        key: read("TOLLGATE_KAFKA_TLS_KEY", tls.identity.key),
      }),
    },
    sasl: sasl && {
      mechanism: sasl.mechanism,
      username: sasl.username,
      password:
        "text" in sasl.password
          ? sasl.password.text
          : read("TOLLGATE_KAFKA_SASL_PASSWORD_FILE", sasl.password.file).replace(/\r?\n$/, ""),
    },
  };
}

function read(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ConfigProblem(`${setting}: ${path} cannot be read (${reason})`, { cause });
  }
}
