// Which models a request lets the provider use beside the one that it asks for: to fall back to, or as a tool such as an
// adviser. Providers take them as texts or as objects with a `model`. What is neither is not guessed at: it may be any model.

import { textValue, visitElements, type Span } from "../../bytes/members.ts";

export type Besides = {
  /** By the provider's own names for them; they go on as they are. */
  readonly otherModels: readonly string[];
  /** Whether the provider is free to fall back to a model that is not named. */
  readonly hasFreeFallback: boolean;
};

type BesidesSpans = {
  readonly models: Span | undefined;
  readonly fallbacks: Span | undefined;
  readonly "fallbacks>*>model": readonly Span[];
  readonly "tools>*>model": readonly Span[];
};

const openBracket = 0x5b;
const openBrace = 0x7b;
const quote = 0x22;
const letterN = 0x6e;

export function besidesIn(body: Buffer, at: BesidesSpans): Besides {
  const ofFallbacks = namesIn(body, at["fallbacks>*>model"]);
  const models = listIn(body, at.models);
  const fallbacks = listIn(body, at.fallbacks);
  return {
    otherModels: [...models.texts, ...fallbacks.texts, ...ofFallbacks, ...namesIn(body, at["tools>*>model"])],
    hasFreeFallback: models.isOdd || models.objects > 0 || fallbacks.isOdd || fallbacks.objects > ofFallbacks.length,
  };
}

function namesIn(body: Buffer, spans: readonly Span[]): readonly string[] {
  return spans.flatMap((span) => textValue(body, span) ?? []);
}

type List = { readonly texts: readonly string[]; readonly objects: number; readonly isOdd: boolean };

function listIn(body: Buffer, list: Span | undefined): List {
  const first = list && body[list.start];
  if (list === undefined || first === letterN) return { texts: [], objects: 0, isOdd: false };
  if (first !== openBracket) return { texts: [], objects: 0, isOdd: true };
  const texts: string[] = [];
  let objects = 0;
  let isOdd = false;
  visitElements(body, list, (element) => {
    const byte = body[element.start];
    if (byte === openBrace) objects++;
    else if (byte === quote) texts.push(textValue(body, element) ?? "");
    else isOdd = true;
  });
  return { texts, objects, isOdd };
}
