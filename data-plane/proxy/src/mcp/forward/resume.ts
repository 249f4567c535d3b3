// Where a call is served, before it is written down that it goes out. A request that brings the state of a call that waits is
// another leg of that call, and no call of its own: the state is opened for the key that brings it and compared with what
// the request is about, and what does not fit is refused without a word about why. A modern client's calls to a server with
// sessions go to one worker, because the server may keep in its session what one call leaves for the next.

import type { Step } from "../../pipeline/call.ts";
import type { Accounts } from "../../pipeline/record.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import type { Placement } from "../placement/placement.ts";
import { isolationOf } from "../upstream/peers.ts";
import { textValue } from "../../bytes/members.ts";
import type { Leg } from "./errand.ts";
import { digestOf, type Parked, type ParkedCalls } from "./parked-calls.ts";

export type PlacedForwarding = {
  readonly catalogues: Catalogues;
  readonly parked: ParkedCalls<Leg>;
  readonly accounts: Accounts;
  readonly placement: Placement;
};

export type Intended = {
  readonly forward: Step<Leg>;
  readonly resume: (waiting: Parked<Leg>, round: number) => Step<Leg>;
};

export function place(parts: PlacedForwarding, intended: Intended): Step<Leg> {
  const { catalogues, parked, accounts, placement } = parts;
  return (leg) => {
    const { call, principal, server } = leg;
    const { body, envelope, client, exchange } = call;
    const span = envelope.at["params>requestState"];
    const keyId = principal.key.id;
    const serverEra = catalogues.of(server.id)?.era;
    // A modern server's state is its own; what a legacy client calls so is no state at all.
    if (client.era === "legacy" || serverEra === "modern") return intended.forward(leg);
    const state = span && parked.open(keyId, textValue(body, span) ?? "");
    // Whose state it is may come before what its server speaks: it must not begin the call anew for that.
    if (serverEra === undefined && state === undefined) return intended.forward(leg);
    if (span === undefined) {
      if (isolationOf(server) === "shared") return intended.forward(leg);
      return placement.pin(`${server.id} ${principal.key.id}`, { exchange, body, here: () => intended.forward(leg) });
    }
    const refuse = (code: "mcp.state-invalid" | "mcp.call-lost"): void =>
      accounts.refuse(call, { code }, { principal, server: server.name, tool: leg.tool });
    if (state === undefined || state.digest !== digestOf(body, envelope)) return refuse("mcp.state-invalid");
    placement.serve(state.place, false, {
      ...{ exchange, body },
      here() {
        const waiting = parked.find(state, keyId);
        if (waiting === undefined) return refuse("mcp.call-lost");
        intended.resume(waiting, state.round)(leg);
      },
      gone: () => refuse("mcp.call-lost"),
    });
  };
}
