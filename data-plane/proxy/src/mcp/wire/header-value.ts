// Values of the headers that repeat parts of a modern request's body (`Mcp-Name`, `Mcp-Param-…`): plain where the text is
// printable ASCII, else its UTF-8 in base64 between two marks.

const opening = "=?base64?";
const closing = "?=";

export function headerValueOf(text: string): string {
  const isPlain =
    /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/.test(text) && !(text.startsWith(opening) && text.endsWith(closing));
  return isPlain ? text : opening + Buffer.from(text, "utf8").toString("base64") + closing;
}

/** Undefined for what nobody may send. */
export function textOfHeader(value: string): string | undefined {
  if (value.startsWith(opening) && value.endsWith(closing) && value.length >= opening.length + closing.length) {
    const coded = value.slice(opening.length, -closing.length);
    const bytes = Buffer.from(coded, "base64");
    if (bytes.toString("base64") !== coded) return undefined;
    const text = bytes.toString("utf8");
    return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
  }
  return /^[\x20-\x7e\t]*$/.test(value) ? value : undefined;
}
