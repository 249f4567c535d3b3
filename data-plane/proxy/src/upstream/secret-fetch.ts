// Asks the control plane for secrets by reference, and passes on each chunk as it comes. It ends without an error only when
// all was said, since what is then missing counts as erased: a control plane that stops in between ends its streams too.

import type { ControlPlane } from "../grpc.ts";
import type { SecretValue } from "./secret-values.ts";

/** What came until then is kept by whoever asked, so that also a slow line gets everything in the end. */
const fetchMsMax = 60_000;

export async function* fetchSecrets(
  { secrets }: Pick<ControlPlane, "secrets">,
  ids: readonly string[],
): AsyncGenerator<readonly SecretValue[]> {
  for await (const chunk of secrets.fetch({ ids: [...ids] }, AbortSignal.timeout(fetchMsMax))) {
    yield chunk.secrets;
    if (chunk.last) return;
  }
  throw new Error("the secrets ended before their last chunk");
}
