// Reads of OpenAI's answers what a call used, which model answered, why it stopped and what it asks to be called.

import type { AnswerForm, AnswerReader } from "../wire/answer.ts";
import type { BodyOperation } from "../wire/request.ts";
import { ChatAnswer } from "./chat-answer.ts";
import { ResponsesAnswer } from "./responses-answer.ts";

/** Embeddings say what they used as chat does. */
export function readOpenAiAnswer(operation: BodyOperation, form: AnswerForm): AnswerReader {
  return operation === "responses" ? new ResponsesAnswer(form) : new ChatAnswer(form);
}
