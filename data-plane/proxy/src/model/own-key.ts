// No key of the gate is told a provider, wherever a client puts it.

const ownKey = /tg_(?:key|svc|adm|join)_/;

export function holdsOwnKey(text: string): boolean {
  return ownKey.test(text);
}

/** However it is written there: providers write URLs into logs. */
export function holdsOwnKeyInUrl(url: string): boolean {
  return ownKey.test(url) || (url.includes("%") && ownKey.test(decodedLoosely(url)));
}

/** Twice, as a server behind a server would. */
function decodedLoosely(url: string): string {
  return decodedOnce(decodedOnce(url));
}

function decodedOnce(text: string): string {
  return text.replace(/%([2-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
