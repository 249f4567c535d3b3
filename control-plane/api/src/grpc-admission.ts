// Decides on a call from what came before its body: until it is admitted, nothing of the body is read, let alone decoded,
// so that a stranger costs what his headers cost. From then to its end the call is told when its caller is no longer
// admitted. It knows neither messages nor services, and who may call is its caller's to say.

import type { PeerCertificate } from "node:tls";
import {
  ServerInterceptingCall,
  ServerListenerBuilder,
  type Metadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type StatusObject,
} from "@grpc/grpc-js";
import type { TollgateError } from "@tollgate/kernel/errors";

/** What a door knows of who calls. */
export type Approach = {
  metadata: Metadata;
  /** Of our authority and valid at the handshake, if there is one. */
  certificate: PeerCertificate | undefined;
};

export type Admission<Caller> = {
  caller: Caller;
  /** Calls back when the caller is no longer admitted, with why. Answers how to forget it. */
  onEnd?(end: (reason: TollgateError) => void): () => void;
};

/** A call that was admitted; `ended` aborts with a `TollgateError` when its caller no longer is. */
export type AdmittedCall<Caller> = { caller: Caller; ended: AbortSignal };

export type AdmissionDesk<Caller> = {
  interceptor: ServerInterceptor;
  /** Of the metadata that a handler is given, which is all that a handler shares with the interceptor before it. */
  admitted(metadata: Metadata): AdmittedCall<Caller>;
};

/** As it leaves. */
export type RefusedStatus = Pick<StatusObject, "code" | "details" | "metadata">;

export type AdmissionDeskParts<Caller> = {
  admit: (path: string, approach: Approach) => Admission<Caller> | Promise<Admission<Caller>>;
  refused: (error: unknown, from: string) => RefusedStatus;
};

export function createAdmissionDesk<Caller>({ admit, refused }: AdmissionDeskParts<Caller>): AdmissionDesk<Caller> {
  const calls = new WeakMap<Metadata, AdmittedCall<Caller>>();

  function listenerOf(path: string, call: ServerInterceptingCallInterface) {
    let isOver = false;
    let forget: (() => void) | undefined;

    async function approach(metadata: Metadata): Promise<void> {
      const { caller, onEnd } = await admit(path, {
        metadata,
        certificate: call.getAuthContext().sslPeerCertificate,
      });
      if (isOver) return;
      const ended = new AbortController();
      calls.set(metadata, { caller, ended: ended.signal });
      forget = onEnd?.((reason) => ended.abort(reason));
    }

    return (
      new ServerListenerBuilder()
        // The body stays where it is until `next`: the stream is paused, and the sender's window is small.
        .withOnReceiveMetadata((metadata, next) => {
          approach(metadata).then(
            () => next(metadata),
            (error: unknown) => call.sendStatus(refused(error, call.getPeer())),
          );
        })
        // Comes at the end of every call, however it ends.
        .withOnCancel(() => {
          isOver = true;
          forget?.();
        })
        .build()
    );
  }

  return {
    interceptor: ({ path }, call) =>
      new ServerInterceptingCall(call, { start: (next) => next(listenerOf(path, call)) }),
    admitted(metadata) {
      const call = calls.get(metadata);
      if (!call) throw new Error("a call came to its handler without having been admitted");
      return call;
    },
  };
}
