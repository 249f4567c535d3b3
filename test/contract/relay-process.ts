// A relay as a process of its own, so that a suite can kill it without a chance to say goodbye. It says "leading" when it is.

import { setTimeout as delay } from "node:timers/promises";
import { openDatabase } from "@tollgate/api/database";
import { openKafka } from "@tollgate/api/kafka";
import { openWake } from "@tollgate/api/log/wake";
import { openKeyring } from "@tollgate/api/keyring/keyring";
import { openRecordKeys } from "@tollgate/api/relay/record-keys";
import { startRelay } from "@tollgate/api/relay/relay";
import { masterKey } from "./planes.ts";

const [url = "", brokers = ""] = process.argv.slice(2);
const database = await openDatabase({ url });
const wake = await openWake(database);
const kafka = openKafka({ brokers: brokers.split(","), clientId: "relay", onProblem: () => undefined });
const recordKeys = openRecordKeys(openKeyring({ database, masterKey, nowMs: Date.now }), Date.now);
const onProblem = (error: unknown): void => console.log(String(error));
const relay = startRelay({
  database,
  wake,
  kafka,
  recordKeys,
  nowMs: Date.now,
  onProblem,
  mayWrite: () => Promise.resolve(),
});
while (!relay.status().isLeading) await delay(10);
console.log("leading");
