// Reads what is in a parsed body: each function says what it wants, and gives `undefined` or nothing for anything else. A
// mock does not check what a real provider would check; it finds what it needs.

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectIn(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
export const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** All text below a message's `content`, whether it is a string or a list of blocks. */
export function textsIn(content: unknown): string[] {
  if (typeof content === "string") return [content];
  return listOf(content).flatMap((block) => textOf(objectOf(block)["text"]) ?? []);
}

/** Of the last message or item that is a user's. */
export function lastUserTextIn(messages: unknown): string {
  if (typeof messages === "string") return messages;
  const last = listOf(messages)
    .map(objectOf)
    .findLast(({ role }) => role === "user");
  return textsIn(last?.["content"]).join("\n");
}
