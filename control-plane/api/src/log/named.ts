// Commands that first look up what a name stands for. Between look-up and commit somebody else may take the name or give it
// back; the name rules then refuse, and the command is made anew from what holds by then. Nothing is written in between.

type Outcome = { outcome: "accepted" } | { outcome: "refused"; refusal: { kind: string } };

const attemptsMax = 5;
const overtaken: ReadonlySet<string> = new Set(["name-taken", "in-use", "reference-missing", "not-found"]);

/** `isOvertaken` says which refusals may vanish when the look-up is made again; by default a name that is taken. */
export async function untilNamesHold<T extends Outcome>(
  attempt: () => Promise<T>,
  isOvertaken: (refused: Extract<T, { outcome: "refused" }>) => boolean = ({ refusal }) =>
    refusal.kind === "name-taken",
): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    const done = await attempt();
    if (!isRefused(done) || attempts === attemptsMax || !isOvertaken(done)) return done;
  }
}

function isRefused<T extends Outcome>(done: T): done is Extract<T, { outcome: "refused" }> {
  return done.outcome === "refused";
}

/** A refusal by what others hold, and not by the command itself. */
export function isByNames({ refusal }: { refusal: { kind: string } }): boolean {
  return overtaken.has(refusal.kind);
}
