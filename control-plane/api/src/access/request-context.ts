// Who asks, and under which request id: made once by authentication, handed explicitly to every resolver. There are no
// request-scoped providers; what a resolver knows of its caller is this argument.

import type { Plane } from "../plane.ts";
import type { Meta } from "../log/handle.ts";
import type { Claim } from "../log/kept-answer.ts";
import { contentPermissions, type Permission } from "./permissions.ts";

export type RequestContext = {
  requestId: string;
  /** "admin-token/<id>": as it stands in the events that this request causes. */
  actor: string;
  permissions: ReadonlySet<Permission>;
  /** Of a mutation that came with an idempotency key. */
  claim?: Claim;
  /** He sent `x-tollgate-force: true`: also what a live proxy cannot enforce. */
  isForced: boolean;
};

export function metaOf(context: RequestContext, plane: Pick<Plane, "nowMs">): Meta {
  const mayRunPrograms = context.permissions.has(contentPermissions.runPrograms);
  return {
    actor: context.actor,
    timeMs: plane.nowMs(),
    claim: context.claim,
    isForced: context.isForced,
    mayRunPrograms,
  };
}
