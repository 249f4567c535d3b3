// What observe.ts needs of a connection, whichever transport it is. Ids are the caller's, so that two observations send the
// same bytes. Both clients are written by hand and not taken from an SDK: an SDK drops and reorders what it does not know.
import type { RawMessage } from "./raw-message.ts";

export interface RawClient extends AsyncDisposable {
  /** Each request is whole in itself: there is no handshake. */
  readonly isModern?: boolean;
  request(id: number, method: string, params: unknown): Promise<RawMessage>;
  notify(method: string): Promise<void>;
  /** All that came without being asked for. */
  readonly notifications: readonly RawMessage[];
}
