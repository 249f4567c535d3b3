// The model of a real client: the mock provider, with a script (script.ts) that says what the model does. It keeps the
// situations that the script answered, which is all that a client told its model. It is also the proxy that clients are
// told to use for everything else, and refuses that: which hosts they wanted is in `outside`, and nothing leaves the machine.
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import type { Asked, Reply } from "../../infra/mock-provider/reply.ts";
import { anthropicReplyOf, anthropicSituationOf } from "./anthropic-situation.ts";
import { openAiReplyOf, openAiSituationOf } from "./openai-situation.ts";
import type { Script, Situation } from "./script.ts";

export interface ScriptedModel extends MockProvider {
  /** One for each request that the script answered. */
  readonly situations: readonly Situation[];
}

/** Where a client finds its model, when it is not to ask the mock itself. */
export interface ModelPlace {
  readonly mock: ScriptedModel;
  /** As the client wants its base URL. */
  readonly url: string;
  readonly key: string;
}

/** What Claude Code asks without offering tools is no turn of the conversation. */
const errand: Reply = { content: [{ type: "text", text: "An errand" }] };

export async function startScriptedModel(script: Script): Promise<ScriptedModel> {
  const situations: Situation[] = [];
  const replyTo = ({ kind, body, lastUserText: asked }: Asked): Reply => {
    if (kind === "openai") {
      const situation = { ...openAiSituationOf(body), asked };
      situations.push(situation);
      return openAiReplyOf(script(situation), body);
    }
    const situation = { ...anthropicSituationOf(body), asked };
    if (situation.tools.length === 0) return errand;
    situations.push(situation);
    return anthropicReplyOf(script(situation));
  };
  const provider = await startMockProvider({ script: replyTo });
  return { ...provider, situations };
}
