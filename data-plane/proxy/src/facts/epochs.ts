// Who this proxy is, and which epochs its workers have used: kept in one small file of the data directory, replaced whole
// and made durable before anything in it is used, so that no epoch is used twice from one directory. The numbers come from
// the control plane, ahead of need; a directory that was copied is found out by the ingest, which sees two truths.
// Without a directory that takes the file, the proxy is a new one at each boot, with its spool in a temporary directory; one
// that another proxy holds is refused, because two of one id would each take the other's facts for its own.
import { idBytes, idFromBytes, isId } from "@tollgate/kernel/ids";
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryInUse, lockDirectory, type DirectoryLock } from "./directory-lock.ts";

export type ProxyIdentity = {
  readonly proxyId: string;
  /** Where this proxy keeps what is its own. */
  readonly directory: string;
  /** Below the proxy's own id: another proxy's facts, left in the same directory, are never taken for ours. */
  readonly spoolDirectory: string;
  /** Why nothing is kept beyond this boot; undefined where the data directory serves. */
  readonly temporaryBecause: string | undefined;
  /** The last epoch that was used, in any boot. */
  usedUpTo(): bigint;
  /** Durable before it returns. */
  use(epoch: bigint): void;
  /** Lets another proxy have the directory. */
  release(): void;
};

type Kept = { proxyId: string; epoch: bigint };

/** Throws `DirectoryInUse` where another proxy runs. */
export function openIdentity(dataDirectory: string): ProxyIdentity {
  let lock: DirectoryLock | undefined;
  try {
    mkdirSync(dataDirectory, { recursive: true });
    lock = lockDirectory(dataDirectory);
    return { ...identityIn(dataDirectory, undefined), release: lock.release };
  } catch (error) {
    if (error instanceof DirectoryInUse) throw error;
    lock?.release();
    const reason = error instanceof Error ? error.message : String(error);
    const ownDirectory = mkdtempSync(join(tmpdir(), "tollgate-proxy-"));
    return { ...identityIn(ownDirectory, reason), release: () => undefined };
  }
}

type Identity = Omit<ProxyIdentity, "release">;

function identityIn(directory: string, temporaryBecause: string | undefined): Identity {
  const path = join(directory, "proxy.json");
  const known = readKept(path);
  const kept: Kept = known ?? { proxyId: idFromBytes(randomBytes(idBytes)), epoch: 0n };
  const spoolDirectory = join(directory, "facts", kept.proxyId);
  // Who is known writes nothing to be himself: a disk that is full today must not make him somebody else.
  if (known === undefined) {
    mkdirSync(spoolDirectory, { recursive: true, mode: 0o700 });
    keep(directory, path, kept);
  }
  const use = (epoch: bigint): void => {
    if (epoch <= kept.epoch) throw new Error(`the epoch ${epoch} was used already`);
    keep(directory, path, { ...kept, epoch });
    kept.epoch = epoch;
  };
  return { proxyId: kept.proxyId, directory, spoolDirectory, temporaryBecause, usedUpTo: () => kept.epoch, use };
}

/** Undefined for a file that is missing or not ours: a new id is the safe answer, because its epochs collide with nobody's. */
function readKept(path: string): Kept | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const match = /^\{"proxyId":"([0-9a-z]+)","epoch":"(0|[1-9][0-9]{0,17})"\}\n$/.exec(text);
  const [, proxyId, epoch] = match ?? [];
  return proxyId !== undefined && epoch !== undefined && isId(proxyId) ? { proxyId, epoch: BigInt(epoch) } : undefined;
}

function keep(directory: string, path: string, { proxyId, epoch }: Kept): void {
  const text = `${JSON.stringify({ proxyId, epoch: epoch.toString() })}\n`;
  try {
    write(`${path}.new`, "w", text);
    renameSync(`${path}.new`, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    // On a full disk over what is there, which needs no space; a text that is longer by a digit stays in its block.
    write(path, "r+", text);
  }
  const folder = openSync(directory, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function write(path: string, flags: "w" | "r+", text: string): void {
  const file = openSync(path, flags, 0o600);
  try {
    if (writeSync(file, text) < text.length)
      throw Object.assign(new Error("no space for the epoch"), { code: "ENOSPC" });
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
