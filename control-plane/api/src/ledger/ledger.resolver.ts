// The ledger in the admin API: whether it lends, what each proxy has of it, and the one thing that only an administrator can say,
// that nobody will hear of a proxy again.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { WriteOff as WriteOffResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type { Sql } from "../database.ts";
import type {
  Ledger,
  LedgerProxy,
  LedgerProxyConnection,
  MutationWriteOffProxyArgs,
  QueryLedgerProxiesArgs,
  QueryWriteOffsArgs,
  WriteOff,
  WriteOffConnection,
  WriteOffProxyResult,
} from "../gen/graphql.ts";
import { connectionOf, pageOf } from "../graphql/connection.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { instantToApi } from "../graphql/scalars.ts";
import { listResources } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handlePrepared } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { ledgerState } from "./freeze.ts";
import { readHoldings, type Holding } from "./holdings.ts";
import { writeOffDecider, writeOffProblem, type Wish, type WriteOffCommand } from "./write-off.decider.ts";
import { writeOffs } from "./write-off.projection.ts";
import { knownOf, planWriteOff, type Plan } from "./write-off.ts";

@Resolver()
export class LedgerResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  async ledger(): Promise<Ledger> {
    return ledgerState(this.#plane.database.sql);
  }

  @Query()
  async ledgerProxies(@Args() args: QueryLedgerProxiesArgs): Promise<LedgerProxyConnection> {
    const page = pageOf(args, 1);
    const rows = await readHoldings(this.#plane.database.sql, page);
    return connectionOf(page, rows, ({ proxyId }) => [proxyId], holdingToApi);
  }

  @Query()
  writeOffs(@Args() { proxyId, ...args }: QueryWriteOffsArgs): Promise<WriteOffConnection> {
    return listResources(this.#plane, writeOffs, { ...args, parentId: proxyId }, writeOffToApi);
  }

  @Mutation()
  async writeOffProxy(
    @Args() { input: { proxyId, reason, force } }: MutationWriteOffProxyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<WriteOffProxyResult>> {
    const meta = metaOf(context, this.#plane);
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const said = { id, proxyId, reason, by: context.actor, isForced: force === true, timeMs: meta.timeMs };
    let plan: Plan | undefined;
    const prepare = async (sql: Sql): Promise<WriteOffCommand> => {
      const made = await prepareWriteOff(sql, said);
      plan = made.plan;
      return made.command;
    };
    const within = async (): Promise<void> => plan?.carryOut(`${said.by}: ${said.reason}`);
    const step = { decider: writeOffDecider, id, prepare };
    const done = await handlePrepared(this.#plane.database, step, meta, { answer: written, within });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "proxy-connected", "nothing-lent");
    return { ...written(done.state), position: done.position };
  }
}

async function prepareWriteOff(sql: Sql, said: Wish): Promise<{ command: WriteOffCommand; plan: Plan | undefined }> {
  const known = await knownOf(sql, said.proxyId);
  const isRefused = writeOffProblem(said, known) !== undefined;
  const plan = isRefused ? undefined : await planWriteOff(sql, said.proxyId, known);
  const { leases = 0, nanoUsd = 0n, presumedNanoUsd = 0n } = plan ?? {};
  return { command: { kind: "write-off", ...said, ...known, leases, nanoUsd, presumedNanoUsd }, plan };
}

function written(writeOff: WriteOffResource | undefined) {
  return { __typename: "WriteOffProxySucceeded" as const, writeOff: writeOffToApi(existing(writeOff)) };
}

function writeOffToApi(writeOff: WriteOffResource): WriteOff {
  const { id, proxyId, reason, by, atMs, leases, nanoUsd, presumedNanoUsd, isForced } = writeOff;
  const at = instantToApi(atMs) ?? new Date(0);
  return { ...{ id, proxyId, reason, by, at, leases, isForced }, amount: nanoUsd, presumed: presumedNanoUsd };
}

function holdingToApi({ proxyId, isConnected, heardAt, hasRestated, leases, held, lent }: Holding): LedgerProxy {
  return { id: proxyId, isConnected, lastHeardAt: heardAt, hasRestated, leases, held, lent };
}
