// How tokens come about while an answer goes out: its text in pieces of so many characters, and after each event of a stream
// how much of the whole was generated. What a script says that the output costs is spread over what is seen of it, and all
// of it is there with the last event.
import type { Piece } from "./delivery.ts";
import type { Settled } from "./tokens.ts";

const charsPerEventDefault = 24;

export interface TextPiece {
  readonly text: string;
  readonly tokens: number;
}

/** An event as it stands in the stream, and what was generated for it. */
export type Written = TextPiece;

/** With the tokens of the whole spread over the pieces. No character of two units is cut in two. */
export function* cutIntoPieces(text: string, tokens: number, charsMax = charsPerEventDefault): Generator<TextPiece> {
  let counted = 0;
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = Math.min(text.length, start + charsMax);
    if (/[\udc00-\udfff]/.test(text.charAt(end))) end++;
    const until = Math.ceil((tokens * end) / text.length);
    yield { text: text.slice(start, end), tokens: until - counted };
    counted = until;
  }
}

export function* generate({ parts, usage, choices }: Settled, events: Iterable<Written>): Generator<Piece> {
  const seen = Math.max(1, choices * parts.reduce((sum, { tokens }) => sum + tokens, 0));
  const { outputTokens: whole } = usage;
  let counted = 0;
  let held: Written | undefined;
  for (const event of events) {
    if (held !== undefined) yield piece(held);
    held = event;
  }
  if (held !== undefined) yield { text: held.text, outputTokens: whole };

  function piece({ text, tokens }: Written): Piece {
    counted += tokens;
    return { text, outputTokens: Math.min(whole, Math.ceil((whole * counted) / seen)) };
  }
}
