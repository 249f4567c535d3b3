// How a record of the log stands in Kafka: the body is the value (none where the event is not replicated), all else are
// headers, as text, so that an operator can read a topic with any tool and a reader can tell what a record is about without
// knowing its body. Both planes use this one codec. A record that it cannot read is refused as a whole, never guessed at.

import { create } from "@bufbuild/protobuf";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { macFrom, type Mac } from "./record-mac.ts";
import { RecordSchema, TickSchema, type LogIdentity, type Record as LogRecord, type Tick } from "@tollgate/schema/sync";

export const eventsTopic = "gateway.events";

export type KafkaHeaders = { readonly [name: string]: Uint8Array | string | undefined };

type Log = Pick<LogIdentity, "id" | "incarnation">;

/** What a relay says. */
export type Said = { kind: "record"; log: Log; record: LogRecord } | { kind: "tick"; log: Log; tick: Tick };

/** Without a code it may be anybody's; with one, whoever has the key can tell. */
export type FromKafka = Said & { mac: Mac | undefined };

export function recordHeaders(log: Log, record: LogRecord): { [name: string]: string } {
  return {
    log: `${log.id}:${log.incarnation}`,
    position: record.position.toString(),
    commit: record.commit.toString(),
    type: record.type,
    scopes: record.scopes.join(","),
    previous: bytesToHex(record.previous),
    hash: bytesToHex(record.hash),
  };
}

export function tickHeaders(log: Log, { head, timeMs, hash }: Tick): { [name: string]: string } {
  return { log: `${log.id}:${log.incarnation}`, tick: `${head}:${timeMs}`, hash: bytesToHex(hash) };
}

/** Undefined for what has not the form of what a relay writes. */
export function fromKafka(headers: KafkaHeaders, value: Uint8Array | null): FromKafka | undefined {
  const log = logOf(text(headers["log"]));
  if (!log) return undefined;
  const mac = macFrom(text(headers["mac"]));
  const hash = hashOf(headers["hash"]);
  if (!hash) return undefined;
  const tick = /^(\d{1,19}):(\d{1,16})$/.exec(text(headers["tick"]));
  if (tick?.[1] !== undefined && tick[2] !== undefined)
    return {
      ...{ kind: "tick", log, mac },
      tick: create(TickSchema, { head: BigInt(tick[1]), timeMs: BigInt(tick[2]), hash }),
    };
  const position = text(headers["position"]);
  const commit = text(headers["commit"]);
  const type = text(headers["type"]);
  const previous = hashOf(headers["previous"]);
  if (!previous || !/^[1-9]\d{0,18}$/.test(position) || !/^[1-9]\d{0,18}$/.test(commit) || type === "")
    return undefined;
  if (BigInt(commit) < BigInt(position)) return undefined;
  const scopes = text(headers["scopes"])
    .split(",")
    .filter((scope) => scope !== "");
  const fields = { position: BigInt(position), commit: BigInt(commit), type, scopes, previous, hash };
  const record = create(RecordSchema, fields);
  if (value !== null) record.body = value;
  return { kind: "record", log, mac, record };
}

function logOf(text: string): Log | undefined {
  const match = /^([0-9a-f-]{36}):(\d{1,9})$/.exec(text);
  return match?.[1] === undefined ? undefined : { id: match[1], incarnation: Number(match[2]) };
}

function hashOf(header: Uint8Array | string | undefined): Uint8Array | undefined {
  const hex = text(header);
  return /^[0-9a-f]{64}$/.test(hex) ? hexToBytes(hex) : undefined;
}

function text(header: Uint8Array | string | undefined): string {
  if (header === undefined || typeof header === "string") return header ?? "";
  let decoded = "";
  // Our headers are ASCII; anything else becomes text that no pattern takes.
  for (const byte of header) decoded += String.fromCharCode(byte);
  return decoded;
}
