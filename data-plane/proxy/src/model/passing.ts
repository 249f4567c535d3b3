// What a door does not know is passed on where that is wanted: the provider says so, it is the only one, and the key reaches
// all of its models. Nothing of it is read, so it is metered by bytes and time alone.

import type { Principal, View } from "@tollgate/kernel/view";
import type { Provider, ProviderKind } from "@tollgate/schema/resources";
import { anyModel } from "../pipeline/call.ts";
import { decodedPath } from "./path-text.ts";

export function passingProvider(view: View, principal: Principal, kind: ProviderKind): Provider | undefined {
  const reached = [...view.providersByName.values()].flatMap(({ id, name }) => {
    const provider = view.provider(id);
    const isOne = provider?.kind === kind && provider.passthrough && principal.models.allows(name, anyModel);
    return provider !== undefined && isOne ? [provider] : [];
  });
  const [only] = reached;
  return reached.length === 1 ? only : undefined;
}

/** Whether the path goes down from where the protocol begins, whoever reads it. */
export function isBelow(path: string): boolean {
  const text = decodedPath(path);
  return text?.startsWith("/") === true && !/[;#\\]|\/\.{1,2}(?:\/|$)/.test(text);
}
