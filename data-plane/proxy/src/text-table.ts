// What is under way and has to be found by its id: to a `Map` what `slots.ts` is to a `Set`, and for the same reason. Calls in a
// `Map` survived every young collection once one of its former tables had come into the old generation, and collecting them was
// a fifth of what a call costs. Ids are our own: nobody can choose them so that they meet at one place.

const capacityMin = 16;
/** Of an id, from its end: where those that are counted up differ, and those by chance as well. */
const hashedChars = 8;

export class TextTable<T extends object> {
  private keys: (string | undefined)[] = emptied(capacityMin);
  private found: (T | undefined)[] = emptied(capacityMin);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(key: string): T | undefined {
    return this.found[this.placeOf(key)];
  }

  set(key: string, value: T): void {
    let at = this.placeOf(key);
    if (this.keys[at] === undefined) {
      if ((this.count + 1) * 2 > this.keys.length) {
        this.grow();
        at = this.placeOf(key);
      }
      this.count += 1;
      this.keys[at] = key;
    }
    this.found[at] = value;
  }

  /** What stands behind it and would have stood here moves up, so that nothing is searched for past a gap. */
  delete(key: string): void {
    let gap = this.placeOf(key);
    if (this.keys[gap] === undefined) return;
    const mask = this.keys.length - 1;
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const next = this.keys[at];
      if (next === undefined) break;
      if (((at - hashOf(next)) & mask) < ((at - gap) & mask)) continue;
      this.keys[gap] = next;
      this.found[gap] = this.found[at];
      gap = at;
    }
    this.keys[gap] = undefined;
    this.found[gap] = undefined;
    this.count -= 1;
  }

  *values(): Generator<T> {
    for (const value of this.found) if (value !== undefined) yield value;
  }

  /** Where it stands, or would. */
  private placeOf(key: string): number {
    const mask = this.keys.length - 1;
    let at = hashOf(key) & mask;
    while (this.keys[at] !== undefined && this.keys[at] !== key) at = (at + 1) & mask;
    return at;
  }

  private grow(): void {
    const { keys, found } = this;
    this.keys = emptied(keys.length * 2);
    this.found = emptied(keys.length * 2);
    for (const [index, key] of keys.entries()) {
      if (key === undefined) continue;
      const at = this.placeOf(key);
      this.keys[at] = key;
      this.found[at] = found[index];
    }
  }
}

function emptied(length: number): undefined[] {
  return Array.from({ length }, () => undefined);
}

function hashOf(key: string): number {
  let hash = 0;
  for (let at = Math.max(0, key.length - hashedChars); at < key.length; at++)
    hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  return hash;
}
