// What a path says to a server that decodes it. Servers differ in how often they do, so a path is read until nothing is left
// to decode, and one in which an escape hides what would change its course is unreadable: it would be one path here and
// another there.

const decodingsMax = 3;
/** What parts a path, ends it, or leads back in it. */
const structure = /[/\\.;?#]/g;

/** Undefined where it is unreadable. */
export function decodedPath(path: string): string | undefined {
  let text = path;
  for (let decodings = 0; decodings < decodingsMax; decodings++) {
    const decoded = decodedOnce(text);
    if (decoded === undefined || decoded === text) return decoded;
    if (structureOf(decoded) !== structureOf(text)) return undefined;
    text = decoded;
  }
  return undefined;
}

function structureOf(text: string): string {
  return text.match(structure)?.join("") ?? "";
}

function decodedOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
