// Where something is kept that only one worker has: a session, a call that waits. What a client carries names the place, so
// whoever is asked can pass the request on. A place names a life of a worker; another life in the same slot is its heir.

export type Place = {
  readonly proxyId: string;
  readonly slot: number;
  /** Another text for each life of the worker. */
  readonly boot: string;
  /** `host:port` for other proxies; empty where they cannot reach it. */
  readonly address: string;
};

export type PlaceText = readonly [proxyId: string, slot: number, boot: string, address: string];

export function placeText({ proxyId, slot, boot, address }: Place): PlaceText {
  return [proxyId, slot, boot, address];
}

export function readPlace(value: unknown): Place | undefined {
  if (!Array.isArray(value)) return undefined;
  const [proxyId, slot, boot, address]: unknown[] = value;
  if (typeof proxyId !== "string" || typeof slot !== "number") return undefined;
  if (typeof boot !== "string" || typeof address !== "string") return undefined;
  return { proxyId, slot, boot, address };
}

export function isSame(a: Place, b: Place): boolean {
  return a.proxyId === b.proxyId && a.slot === b.slot && a.boot === b.boot;
}

/** Whether `heir` is another life of the worker at `place`. */
export function isHeir(heir: Place, place: Place): boolean {
  return heir.proxyId === place.proxyId && heir.slot === place.slot;
}
