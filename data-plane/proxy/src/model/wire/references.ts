// Finds whether a body names images, documents or files that the provider fetches: what the model reads of them is not in the
// body, whose length then bounds nothing. It looks for members by their names wherever they stand, which needs no walk
// through messages of megabytes, and knows those that providers document. A name that is written with escapes is not found.

const space = String.raw`[ \t\r\n]*`;
const dataUrl = `"(?!data:)`;
/** What is in the body itself is an address, too, and no reference. */
const isReference = {
  id: new RegExp(`^${space}:${space}"`),
  url: new RegExp(
    `^${space}:${space}(?:${dataUrl}|\\{${space}(?:"[a-z_]+"${space}:${space}"[^"]*"${space},${space})*"url"${space}:${space}${dataUrl})`,
  ),
};
const endsInType = new RegExp(`"type"${space}:${space}$`);
/** Of what stands around a name. */
const seenBytesMax = 128;

export function hasReferences(body: Buffer): boolean {
  return (
    holds(body, '_id"', (at) => isNamed(body, at, ['"file']) && isReference.id.test(behind(body, at + 4))) ||
    // With the quote in front it would take eight times as long: bodies are full of quotes.
    holds(body, 'url"', (at) =>
      isNamed(body, at, ['"'])
        ? endsInType.test(body.toString("latin1", Math.max(0, at - 1 - seenBytesMax), at - 1))
        : isNamed(body, at, ['"file_', '"image_']) && isReference.url.test(behind(body, at + 4)),
    )
  );
}

/** In a text quotes are escaped, so that these bytes are only found where a name or a value ends. */
function holds(body: Buffer, bytes: string, isMeant: (at: number) => boolean): boolean {
  const sought = Buffer.from(bytes);
  for (let at = body.indexOf(sought); at >= 0; at = body.indexOf(sought, at + sought.length))
    if (isMeant(at)) return true;
  return false;
}

function isNamed(body: Buffer, end: number, beginnings: readonly string[]): boolean {
  return beginnings.some((text) => end >= text.length && body.toString("latin1", end - text.length, end) === text);
}

function behind(body: Buffer, at: number): string {
  return body.toString("latin1", at, at + seenBytesMax);
}
