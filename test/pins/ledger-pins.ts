// Of what is said to the ledger, and of what it tells, the first pin of each event: as literals, under the same rules as in
// message-pins.ts.

import type { Pin } from "./message-pins.ts";

export const ledgerPins: Readonly<Record<string, Pin>> = {
  "tollgate.v1.LeasesWrittenOff": {
    json: {
      writeOff: {
        id: "00000000000000w1",
        proxyId: "00000000000000p1",
        reason: "its disk is lost",
        by: "admin-token/00000000000000a1",
        atMs: "1800000000000",
        leases: 3,
        nanoUsd: "1500000000",
        presumedNanoUsd: "70000000000",
        isForced: true,
      },
    },
    hex: "0a6c0a10303030303030303030303030303077311210303030303030303030303030303070311a10697473206469736b206973206c6f7374221c61646d696e2d746f6b656e2f303030303030303030303030303061312880a0f1c2b13430033880dea0cb054080f8cce284024801",
  },
  "tollgate.v1.BudgetThresholdReached": {
    json: {
      threshold: {
        id: "00000000000000b1.3.2026-11.0075",
        budgetId: "00000000000000b1",
        account: "budget/00000000000000b1/3/2026-11",
        percent: 75,
        limitNanoUsd: "500000000000",
        spentNanoUsd: "375000000001",
        atMs: "1800000000000",
      },
    },
    hex: "0a6d0a1f303030303030303030303030303062312e332e323032362d31312e303037351210303030303030303030303030303062311a216275646765742f303030303030303030303030303062312f332f323032362d3131204b288090cad2c60e3081ccf7fdf40a3880a0f1c2b134",
  },
};
