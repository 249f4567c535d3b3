// The one connection to the control plane, by the way that the settings say: the socket of an embedded plane with the token
// of this boot, or TLS with a certificate that this proxy obtains and renews beside everything else. Until it has joined,
// every call fails as if the control plane were away, and is tried again as then.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readConfigured } from "@tollgate/kernel/config-problem";
import { parseJoinToken } from "@tollgate/kernel/enrolment";
import type { Config } from "../config.ts";
import { openControlPlane, type CallerIdentity, type ControlPlane } from "../grpc.ts";
import type { InternalIdentity } from "../internal/identity.ts";
import type { Log } from "../log-output.ts";
import { openCredentials, type Credentials } from "./credentials.ts";
import { keepMembership, serverName } from "./membership.ts";

export type Link = {
  control: ControlPlane;
  hasJoined(): boolean;
  /** For the internal port. Undefined on a socket, and until it has joined. */
  identity(): InternalIdentity | undefined;
  close(): void;
};

export type LinkParts = {
  config: Pick<Config, "controlUrl" | "joinToken" | "tlsCa" | "environment" | "region" | "internalPort">;
  /** Where this proxy keeps what is its own. */
  directory: string;
  caller: CallerIdentity;
  log: Log;
  /** With each certificate. */
  onJoined: () => void;
  onRevoked: () => void;
};

/** Throws `ConfigProblem` for a file that cannot be read. */
export function openLink(parts: LinkParts): Link {
  const { config, caller, onRevoked } = parts;
  if (!config.controlUrl.startsWith("unix:")) return openOverTls(parts);
  const token = "text" in config.joinToken ? config.joinToken.text : "";
  const control = openControlPlane({ kind: "socket", url: config.controlUrl, token }, caller, onRevoked);
  return { control, hasJoined: () => true, identity: () => undefined, close: control.close };
}

function openOverTls({ config, directory, caller, log, onJoined, onRevoked }: LinkParts): Link {
  const { controlUrl: url, joinToken, tlsCa, environment, region, internalPort } = config;
  const trusted =
    tlsCa === undefined ? undefined : readConfigured("TOLLGATE_TLS_CA", tlsCa, (path) => readFileSync(path, "utf8"));
  const tokenText = (): string => ("text" in joinToken ? joinToken.text : readFileSync(joinToken.file, "utf8").trim());
  const credentials = openCredentials({ directory, proxyId: caller.proxyId, trusted });
  if (trusted === undefined) forgetOther(credentials, tokenText);
  const way = { kind: "tls", url, context: credentials.context, ...serverName(trusted) } as const;
  const control = openControlPlane(way, caller, onRevoked);
  const membership = keepMembership({
    ...{ controlUrl: url, caller, credentials, trusted, joinToken: tokenText, control, onRevoked },
    labels: { environment, region },
    isEnough: () => internalPort === undefined || credentials.mayBeDialled(),
    onCertificate() {
      control.reconnect();
      onJoined();
      log.info({ validUntil: new Date(credentials.untilMs() ?? 0) }, "the proxy has a certificate");
      if (internalPort !== undefined && !credentials.mayBeDialled())
        log.warn({}, "other proxies cannot dial this one by its certificate: the control plane is of a former version");
    },
    onProblem: (error) =>
      log.error({ reason: reasonOf(error) }, "the proxy has no new certificate yet; it is tried again"),
  });
  return {
    control,
    hasJoined: () => credentials.context() !== undefined,
    identity: credentials.identity,
    close() {
      membership.close();
      control.close();
    },
  };
}

/** A token for another control plane than the kept certificate is of: the operator has decided for the token. */
function forgetOther(credentials: Credentials, tokenText: () => string): void {
  const authority = credentials.authority();
  const token = parseJoinToken(readOr("", tokenText));
  if (!authority || !token) return;
  if (createHash("sha256").update(authority).digest("base64url") !== token.pin) credentials.forget();
}

function readOr(otherwise: string, read: () => string): string {
  try {
    return read();
  } catch {
    // It may come later; joining reads it again and says what is wrong with it.
    return otherwise;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
