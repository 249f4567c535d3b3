// How this proxy becomes one of the control plane's, and stays it: it joins with its token, and renews its certificate at
// half of its life, each until it succeeds, while everything else goes on. A proxy that was away for longer than its
// certificate lives joins again with the same token, which costs no use. What it is refused is told in the log with each
// try; an operator mends it without a restart.

import { createSecureContext } from "node:tls";
import { parseJoinToken, controlPlaneName, type JoinTokenText } from "@tollgate/kernel/enrolment";
import { openControlPlane, type CallerIdentity, type ControlPlane } from "../grpc.ts";
import { certificateRequest } from "./certificate-request.ts";
import type { Credentials } from "./credentials.ts";
import { pinnedAuthority } from "./pinned-authority.ts";

export type MembershipParts = {
  controlUrl: string;
  caller: CallerIdentity;
  credentials: Credentials;
  /** PEM: in place of the token's pin. */
  trusted: string | undefined;
  /** Read again with each try: its file may come later than the proxy. */
  joinToken: () => string;
  /** Whether the certificate will do; one that does not is replaced as soon as the control plane has another to give. */
  isEnough?: () => boolean;
  labels: { environment: string; region: string };
  /** The connection that has the certificate which is to be replaced. */
  control: Pick<ControlPlane, "enrolment">;
  /** New connections take the new certificate. */
  onCertificate: () => void;
  onProblem: (error: unknown) => void;
  /** Told to who wants to join again. */
  onRevoked: () => void;
};

export type Membership = { close(): void };

const pauseMsMin = 250;
const pauseMsMax = 5_000;
/** A tenth of what a certificate has left, so that several tries fit in. */
const triesInRest = 10;
/** Until somebody upgrades the control plane. */
const notEnoughMs = 5 * 60_000;
const timerMsMax = 2 ** 31 - 1;
const unauthenticated = 16;

export function keepMembership(parts: MembershipParts): Membership {
  const { caller, credentials, control, isEnough = () => true, onCertificate, onProblem } = parts;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let pauseMs = pauseMsMin;

  const leftMs = (): number => (credentials.untilMs() ?? 0) - Date.now();
  const request = (): Uint8Array => certificateRequest(caller.proxyId, credentials.privateKey);

  async function obtain(): Promise<readonly Uint8Array[]> {
    if (leftMs() <= 0) return join();
    try {
      return (await control.enrolment.renew({ certificateRequest: request() })).certificates;
    } catch (error) {
      // The control plane takes it for expired, or has another authority by now.
      if (error instanceof Error && "code" in error && error.code === unauthenticated) return join();
      throw error;
    }
  }

  async function join(): Promise<readonly Uint8Array[]> {
    const token = parseJoinToken(parts.joinToken());
    if (!token) throw new Error("the join token is none: its form or its check characters are wrong");
    const joining = await joiningWay(parts, token);
    try {
      const asked = { joinToken: token.key.text, certificateRequest: request(), ...parts.labels };
      return (await joining.enrolment.join(asked)).certificates;
    } finally {
      joining.close();
    }
  }

  async function tryNow(): Promise<void> {
    try {
      const certificates = await obtain();
      if (isClosed) return;
      credentials.use(certificates);
      onCertificate();
      if (leftMs() <= 0)
        throw new Error(
          "the certificate had expired when it came: this machine's clock or the control plane's is wrong",
        );
      pauseMs = pauseMsMin;
      schedule(isEnough() ? leftMs() / 2 : Math.min(leftMs() / 2, notEnoughMs));
    } catch (error) {
      onProblem(error);
      schedule(leftMs() > 0 ? Math.max(pauseMsMin, Math.min(pauseMs, leftMs() / triesInRest)) : pauseMs);
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
    }
  }

  function schedule(inMs: number): void {
    if (!isClosed) timer = setTimeout(() => void tryNow(), Math.min(Math.max(0, inMs), timerMsMax));
  }

  // A certificate of a former boot may be past its half already; half of its rest is soon enough.
  schedule(isEnough() ? leftMs() / 2 : 0);
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** A connection without a certificate of ours, to the control plane that the token names and no other. */
async function joiningWay(
  { controlUrl, trusted, caller, onRevoked }: MembershipParts,
  token: JoinTokenText,
): Promise<ControlPlane> {
  const ca = trusted ?? toPem(await pinnedAuthority(controlUrl, token.pin));
  const context = createSecureContext({ ca });
  return openControlPlane(
    { kind: "tls", url: controlUrl, context: () => context, ...serverName(trusted) },
    caller,
    onRevoked,
  );
}

/** The role's name is our own authority's to give; another's certificate is for the host that is dialled. */
export function serverName(trusted: string | undefined): { serverName?: string } {
  return trusted === undefined ? { serverName: controlPlaneName } : {};
}

function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}
