// How many refusals become facts of their own. A client in a loop, or somebody who tries keys, makes thousands a second; each
// as a fact, they would push the facts of real calls out of the spool. So a worker writes so many a second one by one, and
// counts the rest by who, why and where, as one fact a second each. Also the number of these is bounded: beyond it, it is
// no longer said who. Nothing is left uncounted.

export type RefusalAbout = {
  keyId: string;
  teamId: string;
  userId: string;
  customerId: string;
  code: string;
  door: string;
};

export type RefusedTogether = RefusalAbout & { count: bigint; lastTimeMs: bigint };

export type RefusalBudget = {
  /** Whether this one is a fact of its own; otherwise it has been counted. */
  allows(about: RefusalAbout): boolean;
  /** Tells what was only counted, now. */
  close(): void;
};

export type RefusalBudgetParts = {
  wallMs: () => number;
  onTogether: (refused: RefusedTogether) => void;
};

export const singleRefusalsPerSecondMax = 50;
export const togetherPerSecondMax = 200;
const everyMs = 1_000;

export function createRefusalBudget({ wallMs, onTogether }: RefusalBudgetParts): RefusalBudget {
  let singles = 0;
  const together = new Map<string, RefusalAbout & { count: number; lastMs: number }>();
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    timer = undefined;
    singles = 0;
    for (const { count, lastMs, ...about } of together.values())
      onTogether({ ...about, count: BigInt(count), lastTimeMs: BigInt(Math.trunc(lastMs)) });
    together.clear();
  }

  function add(about: RefusalAbout): void {
    const key = `${about.keyId} ${about.code} ${about.door}`;
    const known = together.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.lastMs = wallMs();
    } else if (together.size < togetherPerSecondMax || about.keyId === "")
      together.set(key, { ...about, count: 1, lastMs: wallMs() });
    // Codes and doors are few, so what nobody is named for is bounded by itself.
    else add({ ...about, keyId: "", teamId: "", userId: "", customerId: "" });
  }

  return {
    allows(about) {
      timer ??= setTimeout(tell, everyMs).unref();
      singles += 1;
      if (singles <= singleRefusalsPerSecondMax) return true;
      add(about);
      return false;
    },
    close() {
      clearTimeout(timer);
      tell();
    },
  };
}
