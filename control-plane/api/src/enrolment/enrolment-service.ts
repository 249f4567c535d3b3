// The gRPC service `Enrolment`: a certificate for whoever has a join token, and another for whoever has a certificate. A use
// of the token and the enrolment are one commit. Asking again with the same token, id and key is answered again and costs
// nothing: a proxy whose answer was lost, or whose certificate ran out while it was away, comes back by itself. Anybody may
// ask to join and it costs the database something, so few are served at once.

import { createHash, timingSafeEqual } from "node:crypto";
import { TollgateError } from "@tollgate/kernel/errors";
import { isId } from "@tollgate/kernel/ids";
import { parseKey, type KeyText } from "@tollgate/kernel/key-format";
import type { Enrolment, JoinRequest, RenewRequest } from "@tollgate/schema/provisions";
import { usualConnectionsMax, type Database } from "../database.ts";
import type { Caller, ServiceMethods } from "../grpc-server.ts";
import { joinTokenDecider } from "../join-tokens/join-token.decider.ts";
import { foldStream } from "../log/fold-stream.ts";
import { handleAll, type AnyStep } from "../log/handle.ts";
import { proxyDecider } from "../proxies/proxy.decider.ts";
import { createTurns } from "../sync/turns.ts";
import type { Authority } from "./authority.ts";
import { readRequest, type CertificateRequest } from "./x509.ts";

export type EnrolmentParts = {
  database: Database;
  authority: Pick<Authority, "certify">;
  nowMs: () => number;
  joins?: JoinBounds;
};

export type JoinBounds = { atOnceMax: number; waitingMax: number };

/** Most of the database's connections stay with those who are known; a fleet that starts at once can wait. */
const usualJoins: JoinBounds = { atOnceMax: usualConnectionsMax / 5, waitingMax: 500 };

const requestBytesMax = 4_096;
const labelCharsMax = 63;
const noHash = new Uint8Array(32);

export function enrolmentService(parts: EnrolmentParts): ServiceMethods<typeof Enrolment> {
  const { database, authority, nowMs, joins = usualJoins } = parts;
  const turns = createTurns({ ...joins, full: () => new TollgateError("enrolment.busy") });

  async function join(request: JoinRequest) {
    const sent = parseKey(request.joinToken);
    if (sent?.kind !== "join") throw new TollgateError("enrolment.token-refused");
    // For as long as it takes: a turn is as short as the database is quick, and the queue is bounded.
    const endTurn = await turns.take(new AbortController().signal);
    try {
      return await joinWith(sent, request);
    } finally {
      endTurn();
    }
  }

  async function joinWith(sent: KeyText, { certificateRequest, environment, region }: JoinRequest) {
    const tokenId = await knownToken(sent);
    const { commonName: proxyId, publicKey } = await readOrRefuse(certificateRequest);
    if (environment.length > labelCharsMax || region.length > labelCharsMax)
      throw new TollgateError("request.invalid", `Environment and region have at most ${labelCharsMax} characters.`);
    const timeMs = nowMs();
    const keySha256 = sha256(publicKey);
    const steps = [
      { decider: joinTokenDecider, id: tokenId, command: { kind: "use", id: tokenId, proxyId, environment, timeMs } },
      {
        decider: proxyDecider,
        id: proxyId,
        command: { kind: "enrol", id: proxyId, keySha256, joinTokenId: tokenId, environment, region, timeMs },
      },
    ] as const;
    // Steps of two deciders are only of one type where nothing of them is known.
    const done = await handleAll(database, steps as readonly unknown[] as AnyStep[], {
      actor: `join-token/${tokenId}`,
      timeMs,
    });
    if (done.outcome === "refused") throw refusedAs(done);
    return { proxyId, certificates: await authority.certify(proxyId, publicKey) };
  }

  async function renew({ certificateRequest }: RenewRequest, { proxyId }: Caller) {
    const { commonName, publicKey } = await readOrRefuse(certificateRequest);
    const proxy = await foldStream(database.sql, proxyDecider, proxyId);
    // Admission has looked, and it may have been revoked since.
    if (!proxy || proxy.revokedAtMs !== undefined) throw new TollgateError("enrolment.proxy-revoked");
    if (commonName !== proxyId || !Buffer.from(proxy.keySha256).equals(sha256(publicKey)))
      throw new TollgateError("enrolment.id-taken", "A certificate is renewed for its own id and key.");
    return { certificates: await authority.certify(proxyId, publicKey) };
  }

  /** An unknown token costs the same comparison as a known one. */
  async function knownToken(sent: KeyText): Promise<string> {
    const token = await foldStream(database.sql, joinTokenDecider, sent.id);
    const known = token?.sha256.length === noHash.length ? token.sha256 : noHash;
    if (!timingSafeEqual(known, sha256(Buffer.from(sent.text)))) throw new TollgateError("enrolment.token-refused");
    return sent.id;
  }

  return { join, renew };
}

async function readOrRefuse(bytes: Uint8Array): Promise<CertificateRequest> {
  const request = bytes.length > requestBytesMax ? undefined : await readRequest(bytes);
  if (!request || !isId(request.commonName))
    throw new TollgateError("request.invalid", "This is no certificate request for a proxy's id and an EC P-256 key.");
  return request;
}

function refusedAs({ step, refusal }: { step: number; refusal: { kind: string } }): TollgateError {
  if (step === 0) return new TollgateError("enrolment.token-refused");
  return new TollgateError(refusal.kind === "already-exists" ? "enrolment.id-taken" : "enrolment.proxy-revoked");
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
