// An immutable map that is cheap to change by a little: 1,024 small maps behind one array. A flat copy of 100,000 entries
// costs tens of milliseconds of CPU; a change here copies the array and one shard of about a hundred entries. `change`
// takes a whole batch, so that a shard is copied once however many of its entries a batch touches.

const shardCount = 1_024;

export interface ShardedMap<V> {
  readonly size: number;
  get(id: string): V | undefined;
  values(): IterableIterator<V>;
  /** The map after the changes; `undefined` removes. The old one stays as it was. */
  change(changes: Iterable<readonly [id: string, value: V | undefined]>): ShardedMap<V>;
}

type Shards<V> = readonly (ReadonlyMap<string, V> | undefined)[];

export function emptyMap<V>(): ShardedMap<V> {
  return shardedMap<V>(new Array<undefined>(shardCount).fill(undefined), 0);
}

function shardedMap<V>(shards: Shards<V>, size: number): ShardedMap<V> {
  return {
    size,
    get: (id) => shards[shardOf(id)]?.get(id),
    *values() {
      if (size === 0) return;
      for (const shard of shards) if (shard) yield* shard.values();
    },
    change(changes) {
      const next = shards.slice();
      const copied = new Map<number, Map<string, V>>();
      let nextSize = size;
      for (const [id, value] of changes) {
        const index = shardOf(id);
        let shard = copied.get(index);
        if (!shard) {
          shard = new Map(shards[index]);
          copied.set(index, shard);
          next[index] = shard;
        }
        nextSize -= shard.size;
        if (value === undefined) shard.delete(id);
        else shard.set(id, value);
        nextSize += shard.size;
      }
      return shardedMap<V>(next, nextSize);
    },
  };
}

/** FNV-1a over the id's characters. */
function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardCount;
}
