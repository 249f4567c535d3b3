// Ends the children of this process should it be killed, when it can end nothing itself any more. The keeper is a process
// beside it that is told the group of each child and holds the other end of a pipe: when that ends, its groups get SIGTERM
// and then SIGKILL. Closed input alone would do for honest servers; a start script's child, or a server that hangs, never
// looks. The kernel's own way (PR_SET_PDEATHSIG) reaches a child, not its children, and is Linux's alone. It is a shell and
// not a Node, because it costs a megabyte then; the shell's script is fixed, and no command of a server is ever part of it.

import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Writable } from "node:stream";
import type { Log } from "../log-output.ts";

export type Keeper = {
  add(group: number): void;
  remove(group: number): void;
  close(): void;
};

const script = `
trap '' HUP INT TERM
groups=" "
while read -r what group; do
  case $what in
    add) groups="$groups$group " ;;
    remove) case "$groups" in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
  esac
done
[ -z "\${groups# }" ] && exit 0
end() { for group in $groups; do kill -s "$1" -- "-$group" 2>/dev/null; done; }
sleep 1
end TERM
sleep 2
end KILL
`;

const pauseMs = 5_000;

export function startKeeper(log: Log): Keeper {
  const groups = new Set<number>();
  let shell: ChildProcessByStdio<Writable, null, null> | undefined;
  let restart: NodeJS.Timeout | undefined;
  let isClosed = false;

  function start(): void {
    // A session of its own: who ends everything in this one must not end the keeper first.
    const started = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true, env: {} });
    shell = started;
    started.unref();
    started.stdin.on("error", () => undefined);
    let isOver = false;
    const over = (reason: unknown) => {
      if (isOver || isClosed) return;
      isOver = true;
      log.warn({ reason: String(reason) }, "what ends children after a kill is gone, and is started anew");
      restart = setTimeout(start, pauseMs).unref();
    };
    started.once("error", over);
    started.once("exit", over);
    for (const group of groups) tell("add", group);
  }

  function tell(what: "add" | "remove", group: number): void {
    if (shell?.stdin.writable === true) shell.stdin.write(`${what} ${group}\n`);
  }

  start();
  return {
    add(group) {
      groups.add(group);
      tell("add", group);
    },
    remove(group) {
      groups.delete(group);
      tell("remove", group);
    },
    close() {
      isClosed = true;
      clearTimeout(restart);
      shell?.stdin.end();
    },
  };
}
