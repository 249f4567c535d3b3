// A relay as a process of its own, so that a suite can kill it without a chance to say goodbye. It says "leading" when it is.

import { setTimeout as delay } from "node:timers/promises";
import { openDatabase } from "@tollgate/api/database";
import { openKafka } from "@tollgate/api/kafka";
import { openWake } from "@tollgate/api/log/wake";
import { startRelay } from "@tollgate/api/relay/relay";

const [url = "", brokers = ""] = process.argv.slice(2);
const database = await openDatabase({ url });
const wake = await openWake(database);
const kafka = openKafka({ brokers: brokers.split(","), clientId: "relay", onProblem: () => undefined });
const relay = startRelay({ database, wake, kafka, nowMs: Date.now, onProblem: (error) => console.log(String(error)) });
while (!relay.status().isLeading) await delay(10);
console.log("leading");
