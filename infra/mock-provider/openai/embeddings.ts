// Answers of OpenAI's `/v1/embeddings`: vectors that follow from the text and mean nothing, as numbers or, as its SDK asks for
// them, as the bytes of floats in base64.
import { createHash } from "node:crypto";
import type { Piece } from "../delivery.ts";
import { listOf, numberOf } from "../json-value.ts";
import type { Asked, Reply } from "../reply.ts";
import { tokensOf, type Settled } from "../tokens.ts";
import { embeddingsUsageOf } from "./usage.ts";

const dimensionsDefault = 1_536;
const dimensionsMax = 4_096;

/** A text, tokens, or a list of either. */
function inputsIn(input: unknown): readonly unknown[] {
  const list = listOf(input);
  return list.length === 0 || typeof list[0] === "number" ? [input] : list;
}

export function embeddingTokensIn(input: unknown): number {
  const counts = inputsIn(input).map((each) => (typeof each === "string" ? tokensOf(each) : listOf(each).length));
  return Math.max(
    1,
    counts.reduce((sum, count) => sum + count, 0),
  );
}

export function embeddingsOf(asked: Asked, reply: Reply, { usage }: Settled): Piece {
  const { body, model } = asked;
  const dimensions = Math.min(dimensionsMax, numberOf(body["dimensions"]) ?? dimensionsDefault);
  const isBase64 = body["encoding_format"] === "base64";
  const data = inputsIn(body["input"]).map((input, index) => {
    const vector = vectorOf(input, dimensions);
    const embedding = isBase64 ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    return { object: "embedding", index, embedding };
  });
  const answer = { object: "list", data, model: reply.model ?? model, usage: embeddingsUsageOf(usage) };
  return { text: `${JSON.stringify(answer, undefined, 2)}\n`, outputTokens: 0 };
}

function vectorOf(input: unknown, dimensions: number): Float32Array {
  const digest = createHash("sha256").update(JSON.stringify(input)).digest();
  return Float32Array.from({ length: dimensions }, (_, index) => (digest[index % digest.length] ?? 0) / 255 - 0.5);
}
