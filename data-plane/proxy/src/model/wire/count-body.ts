// The body that asks a provider of Anthropic's kind how many tokens a request has: its members that are counted, byte for byte,
// without those that a count does not take. Where there is any that is neither, or one of a name twice, nobody asks: what was
// counted would not be what is read.

import { MemberRefusal, valueOf, visitMembers } from "../../bytes/members.ts";

const counted: ReadonlySet<unknown> = new Set([
  "cache_control",
  "messages",
  "output_config",
  "system",
  "thinking",
  "tool_choice",
  "tools",
]);
/** They say nothing that is read. */
const others: ReadonlySet<unknown> = new Set([
  "inference_geo",
  "max_tokens",
  "metadata",
  "model",
  "service_tier",
  "speed",
  "stop_sequences",
  "stream",
  "temperature",
  "top_k",
  "top_p",
]);

/** `model`: by the provider's own name. */
export function countBodyOf(body: Buffer, model: string): Buffer | undefined {
  const pieces: (string | Uint8Array)[] = [`{"model":${JSON.stringify(model)}`];
  const seen = new Set<unknown>();
  let isKnown = true;
  try {
    visitMembers(body, { start: 0, end: body.length }, (key, value) => {
      const name = valueOf(body, key);
      if (seen.has(name) || !(counted.has(name) || others.has(name))) isKnown = false;
      seen.add(name);
      if (counted.has(name)) pieces.push(",", body.subarray(key.start, value.end));
    });
  } catch (error) {
    if (error instanceof MemberRefusal) return undefined;
    throw error;
  }
  return isKnown ? Buffer.concat([...pieces, "}"].map((piece) => Buffer.from(piece))) : undefined;
}
