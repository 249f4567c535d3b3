// What stops the launcher, in words for the person who started it: one sentence, or a few lines where a list or the end
// of a log helps. Exit code 2 says that what was configured is wrong, 1 is everything else. A failure that is no Problem
// is a bug of ours and shows its stack.

export class Problem extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "Problem";
    this.exitCode = exitCode;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "it is on a read-only file system",
  ENOTDIR: "a part of its path is not a directory",
  EEXIST: "something that is not a directory has its name",
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  ENAMETOOLONG: "the path is too long",
};

/** For a failed step on a file or directory; `what` begins the sentence: "The data directory /srv/x cannot be used". */
export function fileProblem(what: string, cause: unknown): Problem {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new Problem(`${what}: ${reason}.`, 1, { cause });
}
