// Turns what PostgreSQL or the file system said into one sentence for the person at the terminal. What it does not
// recognise it quotes: the last line that was fatal, or the last line at all. Nothing is hidden: all lines went to the
// log before.

export interface Place {
  readonly dir: string;
  readonly port?: number;
}

export const portTaken = /could not bind .*Address already in use/;

/** The memory of a killed server is held until the last of its children has noticed, some milliseconds later. */
export const memoryStillHeld = /pre-existing shared memory block/;

// Tried in this order. A server that cannot bind its port also says "could not create any TCP/IP sockets", and a full
// disk may show as several lines: the more telling pattern stands first.
const sentences: readonly (readonly [RegExp, (place: Place, match: RegExpExecArray) => string])[] = [
  [portTaken, ({ port }) => `Port ${port} on 127.0.0.1 is in use by another program.`],
  [memoryStillHeld, ({ dir }) => `Processes of an earlier PostgreSQL still use ${dir}.`],
  [
    /No space left on device|Check free disk space|ENOSPC/,
    ({ dir }) => `No space is left on the device that holds ${dir}.`,
  ],
  [/Disk quota exceeded|EDQUOT/, ({ dir }) => `The disk quota for ${dir} is used up.`],
  [
    /initialized by PostgreSQL version ([\d.]+?), .* this version ([\d.]+\d)/,
    ({ dir }, [, theirs, ours]) => `${dir} holds data of PostgreSQL ${theirs}, which PostgreSQL ${ours} cannot read.`,
  ],
  [/ENOTDIR|EEXIST|ENOTEMPTY|Not a directory/, ({ dir }) => `${dir} cannot be made: something else is in its place.`],
  [
    /Read-only file system|Permission denied|EACCES|EROFS|EPERM/,
    ({ dir }) => `${dir} is not readable and writable for the user who runs PostgreSQL.`,
  ],
  [
    /error while loading shared libraries: ([^:]+)/,
    (_, [, library]) => `PostgreSQL needs the library ${library}, which this machine lacks.`,
  ],
  [/setpriv ENOENT/, () => "PostgreSQL cannot run as root here: the program setpriv (package util-linux) is missing."],
];

export function describeFailure(said: string, place: Place): string {
  for (const [pattern, sentence] of sentences) {
    const match = pattern.exec(said);
    if (match !== null) return sentence(place, match);
  }
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const telling = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1) ?? "it gave no reason";
  const withoutPrefix = telling.trim().replace(/^.*?(?=(?:FATAL|PANIC): )/, "");
  return `PostgreSQL on ${place.dir} failed: ${withoutPrefix}`;
}
