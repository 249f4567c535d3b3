// OpenAI's protocol, put together.

import { ProviderKind } from "@tollgate/schema/resources";
import type { Format } from "../format.ts";
import { workIn } from "./description.ts";
import { shortageAnswer, standingLines } from "./allowance.ts";
import { errorBody, errorEvent, requestIdHeader } from "./envelope.ts";
import { credentialHeader, headroomIn, providerRequestId } from "./headers.ts";
import { modelBody, modelsBody } from "./models-list.ts";
import { UnaskedUsage } from "./unasked-usage.ts";
import { readOpenAiAnswer } from "./usage.ts";

export const openai: Format = {
  door: "openai",
  kind: ProviderKind.OPENAI,
  errorBody,
  errorEvent,
  shortageAnswer,
  standingLines,
  requestIdHeader,
  modelsBody,
  modelBody,
  credentialHeader,
  headroomIn,
  providerRequestId,
  workIn,
  readerFor: readOpenAiAnswer,
  filterFor: ({ mustAskUsage }) => (mustAskUsage ? new UnaskedUsage() : undefined),
};
