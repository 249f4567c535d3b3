// Anthropic's protocol, put together.

import { ProviderKind } from "@tollgate/schema/resources";
import type { Format } from "../format.ts";
import { workIn } from "./description.ts";
import { shortageAnswer, standingLines } from "./allowance.ts";
import { errorBody, errorEvent, requestIdHeader } from "./envelope.ts";
import { credentialHeader, headroomIn, providerRequestId } from "./headers.ts";
import { modelBody, modelsBody } from "./models-list.ts";
import { readAnthropicAnswer } from "./usage.ts";

export const anthropic: Format = {
  door: "anthropic",
  kind: ProviderKind.ANTHROPIC,
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
  readerFor: (operation, form) => (operation === "messages" ? readAnthropicAnswer(form) : undefined),
  filterFor: () => undefined,
};
