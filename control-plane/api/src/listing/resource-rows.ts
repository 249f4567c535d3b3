// The read side of one kind of resource, for screens: a row for each, live or not, with what lists sort and filter by as
// columns and the resource itself as the bytes of its last event, so that an answer to a query and an answer to a mutation
// come out of the same mapping. It makes projections and reads their tables through TypeORM; it knows no kind of resource.

import { fromBinary, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { EntitySchema, type FindOptionsWhere, type Repository } from "typeorm";
import { TollgateError } from "@tollgate/kernel/errors";
import { connectionOf, pageOf, type Connection, type PageArgs } from "../graphql/connection.ts";
import { head } from "../log/read.ts";
import type { Plane } from "../plane.ts";
import { schemaOf, statement, type Projection, type Statement } from "../projections/projection.ts";

export type ResourceRow = {
  id: string;
  name: string;
  isLive: boolean;
  /** What a list of the kind is filtered by besides: a key's team. */
  parentId: string;
  body: Uint8Array;
};

export const resourceTables = `
  CREATE TABLE resource (
    id text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    is_live boolean NOT NULL,
    parent_id text COLLATE "C" NOT NULL,
    body bytea NOT NULL
  );
  CREATE INDEX resource_name ON resource (name, id);
  CREATE INDEX resource_parent ON resource (parent_id, name, id)`;

/** Of a kind of which there is one, it has no name. */
type MaybeNamed = { id: string; name?: string };

/** The whole resource after a change; `isLive` false where the change ended it. */
export function stored<Desc extends DescMessage>(
  desc: Desc,
  resource: (MessageShape<Desc> & MaybeNamed) | undefined,
  { isLive = true, parentId = "" }: { isLive?: boolean; parentId?: string } = {},
): Statement {
  if (!resource) throw new Error(`an event without its ${desc.name}`);
  return statement(
    `INSERT INTO resource (id, name, is_live, parent_id, body) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, is_live = excluded.is_live,
       parent_id = excluded.parent_id, body = excluded.body`,
    ...[resource.id, resource.name ?? "", isLive, parentId, toBinary(desc, resource)],
  );
}

export type ResourceKind<Desc extends DescMessage> = {
  desc: Desc;
  /** As in scopes: "key". */
  kind: string;
  projection: Projection;
  entity: EntitySchema<ResourceRow>;
};

export function resourceKind<Desc extends DescMessage>(
  kind: string,
  desc: Desc,
  projection: Projection,
): ResourceKind<Desc> {
  const entity = new EntitySchema<ResourceRow>({
    name: schemaOf(projection),
    schema: schemaOf(projection),
    tableName: "resource",
    columns: {
      id: { type: "text", primary: true },
      name: { type: "text" },
      isLive: { type: "boolean", name: "is_live" },
      parentId: { type: "text", name: "parent_id" },
      body: { type: "bytea" },
    },
  });
  return { desc, kind, projection, entity };
}

export type ListArgs = PageArgs & {
  id?: string | null | undefined;
  name?: string | null | undefined;
  parentId?: string | null | undefined;
  includeEnded?: boolean | null | undefined;
  atLeast?: bigint | null | undefined;
};

/** Reads that ask for a position wait this long for it at most. */
const atLeastMsMax = 5_000;

type Reader = Pick<Plane, "database" | "projections">;

export async function listResources<Desc extends DescMessage, Node>(
  plane: Reader,
  resources: ResourceKind<Desc>,
  args: ListArgs,
  toApi: (resource: MessageShape<Desc>) => Node,
): Promise<Connection<Node>> {
  const page = pageOf(args, 2);
  const rows = await repository(plane, resources, args.atLeast);
  const where: FindOptionsWhere<ResourceRow> = {
    ...(args.includeEnded ? {} : { isLive: true }),
    ...(typeof args.parentId === "string" ? { parentId: args.parentId } : {}),
    ...(typeof args.name === "string" ? { name: args.name } : {}),
    ...(typeof args.id === "string" ? { id: args.id } : {}),
  };
  const query = rows.createQueryBuilder("row").where(where).orderBy({ "row.name": "ASC", "row.id": "ASC" });
  if (page.after) {
    const [name, id] = page.after;
    query.andWhere("(row.name, row.id) > (:name, :id)", { name, id });
  }
  const found = await query.take(page.take + 1).getMany();
  return connectionOf(
    page,
    found,
    (row) => [row.name, row.id],
    (row) => toApi(fromBinary(resources.desc, row.body)),
  );
}

export type OneArgs = { id: string; atLeast?: bigint | null | undefined };

/** Null where there is none, or where it has ended and those are not wanted. */
export async function oneResource<Desc extends DescMessage, Node>(
  plane: Reader,
  resources: ResourceKind<Desc>,
  { id, atLeast, includeEnded = false }: OneArgs & { includeEnded?: boolean },
  toApi: (resource: MessageShape<Desc>) => Node,
): Promise<Node | null> {
  const rows = await repository(plane, resources, atLeast);
  const row = await rows.findOneBy(includeEnded ? { id } : { id, isLive: true });
  return row && toApi(fromBinary(resources.desc, row.body));
}

/**
 * Those of the ids that others refer to, ended or not, with one query. Who refers to them may have been read from a projection that
 * is ahead, or from the log itself: where one is missing, it is read once more when this projection has come as far.
 */
export async function referredResources<Desc extends DescMessage>(
  plane: Reader,
  resources: ResourceKind<Desc>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, MessageShape<Desc>>> {
  const read = async (atLeast: bigint | undefined): Promise<ReadonlyMap<string, MessageShape<Desc>>> => {
    const rows = await repository(plane, resources, atLeast);
    const found = await rows
      .createQueryBuilder("row")
      .where("row.id = ANY (:ids)", { ids: [...ids] })
      .getMany();
    return new Map(found.map(({ id, body }) => [id, fromBinary(resources.desc, body)]));
  };
  const found = await read(undefined);
  if (found.size === new Set(ids).size) return found;
  return read((await head(plane.database.sql)).position);
}

async function repository<Desc extends DescMessage>(
  { database, projections }: Reader,
  { entity, projection }: ResourceKind<Desc>,
  atLeast: bigint | null | undefined,
): Promise<Repository<ResourceRow>> {
  if (typeof atLeast === "bigint") {
    const { position } = await head(database.sql);
    if (atLeast > position) throw new TollgateError("read.behind", `The log ends at ${position}.`);
    await projections.reached(atLeast, atLeastMsMax, projection.name);
  }
  return database.dataSource.getRepository(entity);
}
