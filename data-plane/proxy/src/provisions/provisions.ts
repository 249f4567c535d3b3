// What this proxy has in stock from the control plane: epochs that nobody has used yet, with the keys that sign their
// facts, and the shared keys. It is drawn ahead of need and again before it runs low, so that a proxy which is cut off can
// go on and can even start again. Losing some of it costs nothing: numbers are never given twice. It writes nothing to disk
// and takes back what a cache kept.

import type { EpochKey, SharedKey } from "@tollgate/schema/provisions";
import type { ControlPlane } from "../grpc.ts";

export type Stock = {
  /** By number, the least first; those of former boots among them until their facts are stored. */
  readonly epochs: readonly EpochKey[];
  readonly sealing: readonly SharedKey[];
  readonly records: readonly SharedKey[];
};

export type Provisions = {
  stock(): Stock;
  /** The key of an epoch, old or new; undefined until it has been drawn. */
  epochKey(epoch: bigint): Uint8Array | undefined;
  /** An epoch above `after`, out of the stock; undefined while there is none. */
  take(after: bigint): EpochKey | undefined;
  /** Asks for the keys of these epochs, whose facts are on disk, and lets those of all others go that were taken. */
  need(epochs: readonly bigint[]): void;
  /** Draws now and not when it is due: a key that is not known was met. */
  hurry(): void;
  /** What the control plane says of the shared keys: where it is not what was drawn, they are drawn anew. */
  heard(keysEdition: string): void;
  /** Resolves when no draw is under way any more. */
  close(): Promise<void>;
};

export type ProvisionsParts = {
  control: Pick<ControlPlane, "provisions">;
  /** Below so many it is drawn anew: as many as a cut-off proxy needs to start, and then some. */
  epochsMin: number;
  /** What a cache kept. */
  kept: Stock | undefined;
  /** The last epoch that this proxy used, in any boot. */
  usedUpTo: () => bigint;
  onChange: () => void;
  onProblem: (error: unknown) => void;
};

export const epochsInStockMin = 16;
/** What the control plane gives at a time. */
const epochsPerDraw = 64;
const everyMs = 30_000;
const pauseMsMin = 100;
const pauseMsMax = 5_000;
/** How soon a draw may follow another, whoever is in a hurry. */
const hurryMsMin = 1_000;

export function startProvisions(parts: ProvisionsParts): Provisions {
  const { control, kept, usedUpTo, onChange, onProblem } = parts;
  const lowAt = Math.max(epochsInStockMin / 2, parts.epochsMin);
  const epochsInStock = 2 * lowAt;
  const epochs = new Map((kept?.epochs ?? []).map((one) => [one.epoch, one]));
  let shared: Pick<Stock, "sealing" | "records"> = { sealing: kept?.sealing ?? [], records: kept?.records ?? [] };
  let edition: string | undefined;
  let wanted: readonly bigint[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isDrawing = false;
  let drawing: Promise<void> = Promise.resolve();
  let isClosed = false;
  let pauseMs = pauseMsMin;
  let drawnMs = Number.NEGATIVE_INFINITY;

  const unused = () => [...epochs.keys()].filter((epoch) => epoch > usedUpTo());
  const missing = () => wanted.filter((epoch) => !epochs.has(epoch));

  async function draw(): Promise<void> {
    clearTimeout(timer);
    try {
      const have = unused();
      const after = have.reduce((most, epoch) => (epoch > most ? epoch : most), usedUpTo());
      const lacking = have.length > lowAt ? 0 : epochsInStock - have.length;
      const count = Math.min(lacking, epochsPerDraw);
      const reply = await control.provisions.draw({ epochs: count, after, keysOf: missing() });
      for (const one of reply.epochs) epochs.set(one.epoch, one);
      shared = { sealing: reply.sealing, records: reply.records };
      if (reply.keysEdition !== "") edition = reply.keysEdition;
      pauseMs = pauseMsMin;
      drawnMs = performance.now();
      onChange();
      schedule(lacking > count ? 0 : everyMs);
    } catch (error) {
      onProblem(error);
      schedule(pauseMs);
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
    } finally {
      isDrawing = false;
    }
  }

  function begin(): void {
    if (isDrawing || isClosed) return;
    isDrawing = true;
    drawing = draw();
  }

  function schedule(inMs: number): void {
    clearTimeout(timer);
    if (!isClosed) timer = setTimeout(begin, inMs);
  }

  function hurry(): void {
    if (!isDrawing) schedule(Math.max(0, drawnMs + hurryMsMin - performance.now()));
  }

  begin();
  return {
    stock: () => ({ epochs: [...epochs.values()].sort((a, b) => (a.epoch < b.epoch ? -1 : 1)), ...shared }),
    epochKey: (epoch) => epochs.get(epoch)?.key,
    take(after) {
      const least = unused()
        .filter((epoch) => epoch > after)
        .reduce<bigint | undefined>((min, epoch) => (min === undefined || epoch < min ? epoch : min), undefined);
      if (unused().length <= lowAt) hurry();
      return least === undefined ? undefined : epochs.get(least);
    },
    need(needed) {
      wanted = needed;
      const used = usedUpTo();
      for (const epoch of epochs.keys()) if (epoch <= used && !needed.includes(epoch)) epochs.delete(epoch);
      if (missing().length > 0) hurry();
    },
    hurry,
    heard(keysEdition) {
      // A control plane from before editions says none.
      if (keysEdition !== "" && keysEdition !== edition) hurry();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      return drawing;
    },
  };
}
