// What the shipper asks of a way to the ingest. A sink takes whole batches in the order it is given them; it may lose,
// repeat or delay them, because the shipper trusts nothing but the watermark. It never keeps a batch for later.
import type { FactBatch } from "@tollgate/schema/usage";

export type SinkAnswer =
  /** The ingest's own word, now: everything of the epoch up to here is stored, and nothing beyond. */
  | { readonly kind: "stored"; readonly stored: bigint }
  /** On its way; the watermark will tell. */
  | { readonly kind: "taken" }
  /** The ingest will never take this batch, however often it is sent. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The ingest has other facts of this epoch than ours; nothing that we could say of it would be believed. */
  | { readonly kind: "forked"; readonly reason: string };

export type FactSink = {
  readonly name: string;
  /** Rejects where it is not known that the batch arrived. The facts' bytes are written over as soon as it returns its promise. */
  send(batch: FactBatch): Promise<SinkAnswer>;
};
