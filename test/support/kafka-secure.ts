// A real broker that lets nobody in without a password and a certificate, as companies run theirs: a SASL_SSL listener with
// every mechanism that we speak, whose certificate and whose clients' are of one made-up authority. The files are as an
// operator would hand them to the settings.
import { createPrivateKey, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issue, newAuthority, newKeyPair, type Authority } from "@tollgate/api/enrolment/x509";
import { startBroker } from "./kafka-broker.ts";
import { freePort } from "./ports.ts";

export interface SecureBroker extends AsyncDisposable {
  readonly brokers: string;
  readonly username: string;
  readonly password: string;
  /** PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const dayMs = 24 * 3_600_000;

export async function startSecureBroker(): Promise<SecureBroker> {
  await using resources = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "tollgate-kafka-files-"));
  resources.defer(() => rm(dir, { recursive: true, force: true }));
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(dir, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const authority = await newAuthority("authority of the test's brokers", validity());
  const broker = await identity(authority, "server");
  const client = await identity(authority, "client");
  const ca = await file("ca.pem", pem("CERTIFICATE", authority.certificate));
  const [username, password] = ["tollgate", randomBytes(16).toString("hex")];
  const port = await freePort();
  const module = (of: string, more = ""): string =>
    `org.apache.kafka.common.security.${of}LoginModule required${more};`;
  resources.use(
    await startBroker({
      also: {
        listener: `SASL_SSL://127.0.0.1:${port}`,
        formatArgs: ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
          "--add-scram",
          `${mechanism}=[name=${username},password=${password}]`,
        ]),
        settings: {
          "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
          "ssl.keystore.type": "PEM",
          "ssl.keystore.location": await file("broker.pem", broker.key + broker.cert),
          "ssl.truststore.type": "PEM",
          "ssl.truststore.location": ca,
          "listener.name.sasl_ssl.ssl.client.auth": "required",
          "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
          "listener.name.sasl_ssl.plain.sasl.jaas.config": module("plain.Plain", ` user_${username}="${password}"`),
          "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": module("scram.Scram"),
          "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": module("scram.Scram"),
        },
      },
    }),
  );
  const cert = await file("client.crt", client.cert);
  const key = await file("client.key", client.key);
  const kept = resources.move();
  return {
    ...{ brokers: `127.0.0.1:${port}`, username, password, ca, cert, key },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function validity() {
  return { fromMs: Date.now() - dayMs, untilMs: Date.now() + dayMs };
}

async function identity(authority: Authority, usage: "client" | "server"): Promise<{ cert: string; key: string }> {
  const { publicKey, privateKey } = await newKeyPair();
  const names = [{ type: "ip", value: "127.0.0.1" }] as const;
  const certificate = await issue(authority, { publicKey, commonName: usage, usages: [usage], names, ...validity() });
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" });
  return {
    cert: pem("CERTIFICATE", certificate) + pem("CERTIFICATE", authority.certificate),
    key: key.export({ format: "pem", type: "pkcs8" }).toString(),
  };
}

function pem(what: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${what}-----`, ...lines, `-----END ${what}-----`, ""].join("\n");
}
