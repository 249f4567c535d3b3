// What the cache holds, as frames and back: whose it is, the feed's messages that a new worker would be told, the secrets,
// and the stock of epochs and keys. Of secrets and stock the newest set counts; of the feed, everything from the snapshot
// on. The messages are those of the wire, byte by byte, so that what this software could not read is refused by the same
// rule after a restart. A cache from which a part is missing that a cut-off proxy needs is no cache.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrawReplySchema } from "@tollgate/schema/provisions";
import { SecretsChunkSchema } from "@tollgate/schema/secrets";
import { FeedSchema, SnapshotChunkSchema, TickSchema } from "@tollgate/schema/sync";
import type { FeedMessage } from "../feed/feed.ts";
import type { Place } from "../feed/source.ts";
import type { Stock } from "../provisions/provisions.ts";
import type { HeldSecret } from "../upstream/secret-cache.ts";
import type { Frame } from "./frames.ts";

export type Contents = {
  readonly messages: readonly FeedMessage[];
  readonly secrets: readonly HeldSecret[];
  readonly stock: Stock;
};

export type Kept = Contents & { readonly proxyId: string };

/** Never used anew for something else: a file may be older than the software. */
const kinds = { proxy: 1, chunk: 2, lastChunk: 3, records: 4, tick: 5, secrets: 6, lastSecrets: 7, stock: 8 } as const;
/** Of one frame of secrets. */
const secretsBytesMax = 1024 * 1024;

export function* framesOf({ proxyId, messages, secrets, stock }: Kept): Generator<Frame> {
  yield { kind: kinds.proxy, bytes: Buffer.from(proxyId) };
  yield stockFrame(stock);
  yield* secretsFrames(secrets);
  for (const message of messages) yield* feedFrames(message);
}

export function feedFrames(message: FeedMessage): Frame[] {
  switch (message.kind) {
    case "snapshot":
      return message.chunks.map((bytes, index) => ({
        kind: index === message.chunks.length - 1 ? kinds.lastChunk : kinds.chunk,
        bytes,
      }));
    case "records":
      return [{ kind: kinds.records, bytes: message.feed }];
    case "tick": {
      const tick = create(TickSchema, { head: message.head, timeMs: BigInt(message.timeMs) });
      return [{ kind: kinds.tick, bytes: toBinary(TickSchema, tick) }];
    }
  }
}

export function stockFrame({ epochs, sealing, records }: Stock): Frame {
  const stock = create(DrawReplySchema, { epochs: [...epochs], sealing: [...sealing], records: [...records] });
  return { kind: kinds.stock, bytes: toBinary(DrawReplySchema, stock) };
}

/** A secret that the control plane does not have goes in without a value: none is ever empty. */
export function* secretsFrames(secrets: readonly HeldSecret[]): Generator<Frame> {
  let part: HeldSecret[] = [];
  let partBytes = 0;
  const frame = (kind: number): Frame => {
    const wire = part.map(({ id, version, value }) => ({ id, version, value: value?.value ?? new Uint8Array() }));
    return { kind, bytes: toBinary(SecretsChunkSchema, create(SecretsChunkSchema, { secrets: wire })) };
  };
  for (const secret of secrets) {
    part.push(secret);
    partBytes += secret.value?.value.length ?? 0;
    if (partBytes < secretsBytesMax) continue;
    yield frame(kinds.secrets);
    [part, partBytes] = [[], 0];
  }
  yield frame(kinds.lastSecrets);
}

/** Undefined where something is missing or no message of its kind. */
export function keptIn(frames: readonly Frame[]): Kept | undefined {
  try {
    return parsed(frames);
  } catch {
    // A frame that opened and cannot be read was written by software that knew more.
    return undefined;
  }
}

function parsed(frames: readonly Frame[]): Kept | undefined {
  const chunks: Uint8Array[] = [];
  const messages: FeedMessage[] = [];
  let proxyId: string | undefined;
  let stock: Stock | undefined;
  let secrets: readonly HeldSecret[] | undefined;
  let part: HeldSecret[] = [];
  let tick: FeedMessage | undefined;
  for (const { kind, bytes } of frames) {
    switch (kind) {
      case kinds.proxy:
        proxyId = Buffer.from(bytes).toString("utf8");
        break;
      case kinds.chunk:
      case kinds.lastChunk:
        chunks.push(bytes);
        if (kind === kinds.lastChunk) messages.push({ kind: "snapshot", chunks: [...chunks] });
        break;
      case kinds.records:
        messages.push({ kind: "records", feed: bytes });
        break;
      case kinds.tick: {
        const { head, timeMs } = fromBinary(TickSchema, bytes);
        tick = { kind: "tick", head, timeMs: Number(timeMs) };
        break;
      }
      case kinds.secrets:
      case kinds.lastSecrets:
        part.push(...fromBinary(SecretsChunkSchema, bytes).secrets.map(heldSecret));
        if (kind === kinds.lastSecrets) [secrets, part] = [part, []];
        break;
      case kinds.stock: {
        const { epochs, sealing, records } = fromBinary(DrawReplySchema, bytes);
        stock = { epochs, sealing, records };
        break;
      }
      default:
        return undefined;
    }
  }
  if (proxyId === undefined || stock === undefined || secrets === undefined) return undefined;
  // Without a tick nobody could say how old the rest is.
  if (messages[0]?.kind !== "snapshot" || tick === undefined) return undefined;
  return { proxyId, messages: [...messages, tick], secrets, stock };
}

function heldSecret({ id, version, value }: { id: string; version: number; value: Uint8Array }): HeldSecret {
  return { id, version, value: value.length === 0 ? undefined : { id, version, value } };
}

/** How far the messages go, with the log's hash there as far as they tell it; undefined where they have no snapshot. */
export function placeOf(messages: readonly FeedMessage[]): (Place & { hash: Uint8Array }) | undefined {
  const snapshot = messages.find((message) => message.kind === "snapshot");
  const chunk = snapshot?.chunks.at(-1);
  if (chunk === undefined) return undefined;
  const { log, position, hash } = fromBinary(SnapshotChunkSchema, chunk);
  if (log === undefined) return undefined;
  const records = messages.findLast((message) => message.kind === "records");
  const last = records && fromBinary(FeedSchema, records.feed).records.at(-1);
  return { log, position: last?.position ?? position, hash: last?.hash ?? hash };
}
