// The authority that a join token pins, taken out of the chain that the control plane shows. Nothing that comes over this
// connection is believed but a certificate whose SHA-256 is the pin: whoever else answers has no such certificate, or has
// it and not the key of anything that it certified, which the connection that follows finds out. It sends nothing.

import { createHash } from "node:crypto";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { controlPlaneName } from "@tollgate/kernel/enrolment";

const connectMsMax = 10_000;
const chainMax = 10;

/** Who answered is not the control plane that the join token is for. The message is a sentence for a person. */
export class PinProblem extends Error {}

/** DER. Rejects with `PinProblem` where nobody has it, and with the connection's error where nobody answers. */
export async function pinnedAuthority(controlUrl: string, pin: string): Promise<Uint8Array> {
  for (const certificate of await chainOf(new URL(controlUrl)))
    if (createHash("sha256").update(certificate).digest("base64url") === pin) return certificate;
  throw new PinProblem(
    `Who answers at ${controlUrl} is not the control plane that the join token is for: its chain has another authority. Where a control plane brings its own certificate, TOLLGATE_TLS_CA names its authority`,
  );
}

function chainOf({ hostname, port }: URL): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 443 : Number(port),
      servername: controlPlaneName,
      ALPNProtocols: ["h2"],
      // It is the pin that is verified.
      rejectUnauthorized: false,
    });
    socket.setTimeout(connectMsMax, () => socket.destroy(new Error("the control plane does not answer")));
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(certificatesOf(socket.getPeerCertificate(true)));
      socket.destroy();
    });
  });
}

function certificatesOf(first: DetailedPeerCertificate): Uint8Array[] {
  const found: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = first;
  // The last of a whole chain is its own issuer.
  while (next?.raw && found.length < chainMax) {
    found.push(next.raw);
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return found;
}
