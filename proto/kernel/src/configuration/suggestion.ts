// The word that somebody probably meant: the nearest of a few, if it is near enough to be no guess.

/** Undefined where nothing is within two edits (one, for short words). */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined;
  let best: { text: string; edits: number } | undefined;
  for (const text of known) {
    const edits = editsBetween(word.toLowerCase(), text.toLowerCase());
    if (edits <= (Math.min(word.length, text.length) > 4 ? 2 : 1) && edits < (best?.edits ?? Infinity))
      best = { text, edits };
  }
  return best?.text;
}

/** Levenshtein's distance, where two neighbours that changed places count once. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? Infinity;
}
