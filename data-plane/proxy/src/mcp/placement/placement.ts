// Who serves a request that belongs to one worker. Where that is another one it is passed on, once for each way there is: to a
// worker of this proxy, or to another proxy and there to the worker. What belonged to a worker that is gone is taken up by
// its heir, or where its proxy is gone, too, by one worker here that all of this proxy agree on.

import { hash } from "node:crypto";
import type { Exchange } from "../../http/listener.ts";
import type { OutgoingPool } from "../../outgoing/pool.ts";
import { adoptHeader, handOver, lifeHeader, slotHeader } from "./hand-over.ts";
import { isHeir, isSame, type Place } from "./place.ts";

export type Neighbours = {
  readonly self: Place;
  /** Workers of this proxy. */
  readonly workers: number;
  dialWorker(slot: number): Pick<OutgoingPool, "dispatch">;
  /** One life of a worker of this proxy: while it ends what it has, another is in its slot. */
  dialLife(boot: string): Pick<OutgoingPool, "dispatch">;
  dialProxy(address: string, proxyId: string): Pick<OutgoingPool, "dispatch">;
};

/**
 * `heir`: another life of the worker that had it, and from now on its owner. `stand-in`: somebody else, as long as there is
 * neither; who is asked again looks for an heir first, or one session would go on in two places.
 */
export type ServedAs = "owner" | "heir" | "stand-in";

export type Placed = {
  readonly exchange: Exchange;
  readonly body: Buffer | undefined;
  /** It is served here, by who has it, or by who takes it up. */
  here(as: ServedAs): void;
  /** There is nobody who has it, nor can anybody take it up. */
  gone(): void;
};

export type Placement = {
  readonly self: Place;
  /** Where `heirs` take up what they do not have. */
  serve(place: Place, heirs: boolean, placed: Placed): void;
  /** The one worker of this proxy for all that has this name. */
  pin(name: string, placed: Pick<Placed, "exchange" | "body"> & { here(): void }): void;
};

const awayMs = 1_000;
const awayProxiesMax = 1_000;

/** For a gate that stands alone. */
export function alone(self: Place): Neighbours {
  const nobody = (): never => {
    throw new Error("there are no other workers");
  };
  const noLife: Pick<OutgoingPool, "dispatch"> = {
    dispatch: (_request, receiver) => receiver.onResponseError(new Error("there was no other life")),
  };
  return { self, workers: 1, dialWorker: nobody, dialLife: () => noLife, dialProxy: nobody };
}

export function createPlacement({ self, workers, dialWorker, dialLife, dialProxy }: Neighbours): Placement {
  /** Proxies that were out of reach, until when they are not dialled again: each attempt may take seconds. */
  const away = new Map<string, number>();
  const slotOf = (name: string): number => hash("sha256", name, "buffer").readUInt32BE() % workers;

  function toWorker(slot: number, { exchange, body }: Placed, adopts: boolean, onNobody: () => void): void {
    handOver(dialWorker(slot), { exchange, body, headers: adopts ? [[adoptHeader, "1"]] : [], onNobody });
  }

  /** Its worker had this slot before, and may still be there with what it began: then it is no heir's yet. */
  function former(place: Place, heirs: boolean, placed: Placed): void {
    const { exchange, body } = placed;
    handOver(dialLife(place.boot), {
      ...{ exchange, body, headers: [[lifeHeader, "1"]] },
      onNobody: () => (heirs ? placed.here("heir") : placed.gone()),
    });
  }

  /** Its proxy cannot be reached. */
  function orphan(place: Place, heirs: boolean, placed: Placed): void {
    if (!heirs) return placed.gone();
    const slot = slotOf(`${place.proxyId} ${place.slot} ${place.boot}`);
    if (slot === self.slot) return placed.here("stand-in");
    toWorker(slot, placed, true, () => placed.here("stand-in"));
  }

  function fromClient(place: Place, heirs: boolean, placed: Placed): void {
    if (place.proxyId === self.proxyId)
      return toWorker(place.slot, placed, false, () => (heirs ? placed.here("stand-in") : placed.gone()));
    const isAway = (away.get(place.proxyId) ?? 0) > performance.now();
    if (place.address === "" || isAway) return orphan(place, heirs, placed);
    const { exchange, body } = placed;
    const onNobody = (): void => {
      if (away.size >= awayProxiesMax) away.clear();
      away.set(place.proxyId, performance.now() + awayMs);
      orphan(place, heirs, placed);
    };
    handOver(dialProxy(place.address, place.proxyId), {
      ...{ exchange, body, onNobody },
      headers: [[slotHeader, String(place.slot)]],
    });
  }

  return {
    self,
    serve(place, heirs, placed) {
      if (isSame(place, self)) return placed.here("owner");
      const { from } = placed.exchange;
      const { headers } = placed.exchange.request;
      if (isHeir(self, place)) {
        // Meant for one life, and come to another: it is passed no further.
        const isForLife = from !== "client" && "worker" in from && headers[lifeHeader] === "1";
        return isForLife ? placed.gone() : former(place, heirs, placed);
      }
      if (from === "client") return fromClient(place, heirs, placed);
      if ("worker" in from) return heirs && headers[adoptHeader] === "1" ? placed.here("stand-in") : placed.gone();
      const slot = Number(headers[slotHeader]);
      const isPassed = place.proxyId === self.proxyId && Number.isInteger(slot) && slot >= 0 && slot < workers;
      if (!isPassed) return placed.gone();
      // Workers of a proxy that leaves end one after the other: whoever is still there goes on for those that are not.
      toWorker(slot, placed, false, () => (heirs ? placed.here("stand-in") : placed.gone()));
    },
    pin(name, { exchange, body, here }) {
      const slot = workers === 1 ? self.slot : slotOf(name);
      if (slot === self.slot || (exchange.from !== "client" && "worker" in exchange.from)) return here();
      handOver(dialWorker(slot), { exchange, body, headers: [], onNobody: here });
    },
  };
}
