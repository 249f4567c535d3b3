// Decides as which user PostgreSQL runs, because it refuses to run as root. Not root: as ourselves. Root: as the owner of
// an existing cluster, else as `postgres`, else as `nobody`; no user is ever created on the machine. Where that user
// cannot reach the files (a checkout in root's home, say), the server gets the one capability that lets it read past the
// directories in between, rather than a change of anybody's permissions.
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";

export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** How to spawn a program: `uid` and `gid` are absent where `command` itself changes the user. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

/** Undefined means: as ourselves. */
export async function chooseAccount(clusterDir: string): Promise<ServerAccount | undefined> {
  const owner = await stat(clusterDir).catch(() => undefined);
  const self = process.getuid?.() ?? 0;
  if (self !== 0) {
    if (owner === undefined || owner.uid === self) return undefined;
    throw new Error(
      `The directory ${clusterDir} belongs to another user (id ${owner.uid}); PostgreSQL cannot run on it.`,
    );
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const users = parseUsers(await readFile("/etc/passwd", "utf8"));
  const account = users.get("postgres") ?? users.get("nobody");
  if (account !== undefined) return account;
  throw new Error("PostgreSQL cannot run as root, and this machine has neither a user postgres nor a user nobody.");
}

function parseUsers(passwd: string): Map<string, ServerAccount> {
  const users = new Map<string, ServerAccount>();
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name !== undefined && uid !== undefined && gid !== undefined)
      users.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  return users;
}

/** The launch of `command` as `account`, which has to be able to read each of `paths`. */
export async function launchAs(
  account: ServerAccount | undefined,
  command: string,
  args: readonly string[],
  paths: readonly string[],
): Promise<Launch> {
  if (account === undefined) return { command, args };
  let blocked: string | undefined;
  for (const path of [command, ...paths]) blocked ??= await firstUnreachable(account, path);
  if (blocked === undefined) return { command, args, ...account };
  const capability = await readCapability();
  if (capability === undefined) {
    throw new Error(
      `PostgreSQL cannot run as root, and user ${account.uid} cannot read ${blocked}; open that directory or move out of it.`,
    );
  }
  // `no_setuid_fixup`: PostgreSQL asks access(2) about its own program, and without this bit access(2) forgets the
  // capabilities of every user but root.
  const become = [
    `--reuid=${account.uid}`,
    `--regid=${account.gid}`,
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    `--inh-caps=-all,+${capability}`,
    `--ambient-caps=-all,+${capability}`,
  ];
  return { command: "setpriv", args: [...become, command, ...args] };
}

/** The outermost of a path and its parents that the account may not read or pass, by its permission bits. */
async function firstUnreachable(account: ServerAccount, path: string): Promise<string | undefined> {
  const parent = dirname(path);
  if (parent !== path) {
    const above = await firstUnreachable(account, parent);
    if (above !== undefined) return above;
  }
  const { uid, gid, mode } = await stat(path);
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return (mode >> shift) & 0o1 ? undefined : path;
}

/** The weakest capability that reads any file, of those that we hold ourselves: containers often have only the second. */
async function readCapability(): Promise<"dac_read_search" | "dac_override" | undefined> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  if (held & (1n << 2n)) return "dac_read_search";
  return held & (1n << 1n) ? "dac_override" : undefined;
}
