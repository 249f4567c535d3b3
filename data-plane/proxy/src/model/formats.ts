// The protocols that clients of models speak, by the name of their doors.

import type { ModelDoorName } from "../pipeline/call.ts";
import { anthropic } from "./anthropic/format.ts";
import type { Format } from "./format.ts";
import { openai } from "./openai/format.ts";

export const formats: Record<ModelDoorName, Format> = { anthropic, openai };
