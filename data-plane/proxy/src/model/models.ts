// The gate to models of one worker, put together: the doors, the line that a call takes, and the providers at its end.

import type { View } from "@tollgate/kernel/view";
import type { Config } from "../config.ts";
import type { Door } from "../http/listener.ts";
import type { Desk } from "../lending/desk.ts";
import type { Log } from "../log-output.ts";
import type { ReplicaReader } from "../pipeline/authenticate.ts";
import { authoriseModel } from "../pipeline/authorise.ts";
import type { ModelAccounts } from "../pipeline/model-record.ts";
import type { Accounts } from "../pipeline/record.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { SecretValues } from "../upstream/secret-values.ts";
import { bound } from "./bound.ts";
import { modelDoor } from "./door.ts";
import type { ModelErrand } from "./errand.ts";
import { forward } from "./forward.ts";
import { modelPolicies } from "./policies.ts";
import { createProviders } from "./providers.ts";
import { reserve } from "./reserve.ts";
import { modelDoorPaths } from "./routes.ts";
import { tellUsage } from "./tell-usage.ts";

export type ModelsParts = {
  readonly config: Config;
  readonly log: Log;
  readonly replica: ReplicaReader;
  readonly accounts: Accounts;
  readonly modelAccounts: ModelAccounts;
  readonly deadlines: Deadlines;
  readonly secrets: SecretValues;
  readonly wallMs: () => number;
  readonly desk: Desk | undefined;
  readonly mayHold: () => boolean;
};

export type Models = {
  /** By the first part of the path. */
  readonly doors: ReadonlyMap<string, Door>;
  viewChanged(view: View): void;
  close(): Promise<void>;
};

export function openModels(parts: ModelsParts): Models {
  const { config, log, replica, accounts, modelAccounts, deadlines, secrets, wallMs, desk, mayHold } = parts;
  const providers = createProviders(secrets, () => performance.now());

  // The line of a call.
  const intended = modelAccounts.intend<ModelErrand>()(forward({ providers, deadlines, accounts: modelAccounts, log }));
  const held = reserve({ desk, accounts, mayHold, counting: { providers, deadlines } })(intended);
  const pass = modelPolicies({ accounts, wallMs })(bound<ModelErrand>()(held));
  const send = authoriseModel<ModelErrand>(accounts)(pass);
  const { environment, replicaAgeMsMax } = config;
  const door = modelDoor({
    ...{ replica, environment, replicaAgeMsMax, wallMs, accounts, log, send, pass },
    tellUsage: tellUsage(desk, accounts),
    settings: config,
  });

  return {
    doors: new Map(modelDoorPaths.map((path) => [path, door])),
    viewChanged: providers.keepOnly,
    close: providers.close,
  };
}
