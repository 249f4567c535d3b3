// An answer that is cut because its control plane is replaced leaves its client in doubt whether his command was taken.

import { leavesNobodyCut } from "../../../test/contract/departure.contract.ts";
import { createDeparture } from "./departure.ts";

leavesNobodyCut(createDeparture);
