// What of a setting may be a credential, judged by its name and its looks, to keep it out of what is stored for ever and shown
// to many. It errs on the side of secrecy: what is taken for a secret and is none works all the same, and is only not shown.
// It proves nothing; a password that is a word under an innocent name passes.

const credentialName = /key|token|secret|pass|pwd|credential|auth|cookie|session|private|signature|dsn|webhook/i;
const knownToken =
  /(?:^|[=:\s"'])(?:sk-|sk_|ghp_|gho_|ghs_|github_pat_|glpat-|xox[abprs]-|AKIA|AIza|eyJ[\w-]+\.|tg_[a-z]{3}_)/;
const userInfo = /\/\/[^/@\s]+@/;
/** A flag that says where a credential is, or of which kind, and not what it is. */
const aboutCredential = /(?:file|path|dir|mode|type|method|scheme|url|host|port|name|env)$/i;

export function isCredentialName(name: string): boolean {
  return credentialName.test(name);
}

/** A long run of letters and digits mixed, as nobody writes by hand. */
function hasRandomPart(text: string): boolean {
  return (text.match(/[A-Za-z0-9+=_]{16,}/g) ?? []).some((run) => /\d/.test(run) && /[A-Za-z]/.test(run));
}

const harmless = [
  // A claim, a number, a few words.
  /^(?:\d{1,10}|[A-Za-z][A-Za-z_ -]{0,31})?$/,
  // A path.
  /^(?:~|\.{1,2}|[A-Za-z]:)?[\\/][\w .@,~\\/:-]*$/,
  // A host, a version, an address without a query.
  /^(?:https?:\/\/)?(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?(?:\/[\w.~/-]*)?$/,
];

/** Whether a variable's value may be stored in clear. */
export function isHarmless(name: string, value: string): boolean {
  if (isCredentialName(name) || knownToken.test(value) || hasRandomPart(value)) return false;
  return harmless.some((pattern) => pattern.test(value));
}

/** Where a program's arguments hold what looks like a credential. */
export function credentialAmong(args: readonly string[]): number | undefined {
  const index = args.findIndex((argument, at) => {
    if (knownToken.test(argument) || userInfo.test(argument) || isMixed(argument)) return true;
    const [, named = "", value = ""] = /^(?:--?)?([\w-]+)(?:=|:\s*)(.+)$/s.exec(argument) ?? [];
    if (saysCredential(named, value)) return true;
    const [, flag = ""] = /^--?([\w-]+)$/.exec(args[at - 1] ?? "") ?? [];
    return !argument.startsWith("-") && saysCredential(flag, argument);
  });
  return index < 0 ? undefined : index;
}

function saysCredential(name: string, value: string): boolean {
  return isCredentialName(name) && !aboutCredential.test(name) && !/^(?:[\w+.-]+:\/\/|[./~]|$)/.test(value);
}

/** Package names and hashes are long, too, but do not mix cases and digits. */
function isMixed(text: string): boolean {
  return (text.match(/[A-Za-z0-9_-]{24,}/g) ?? []).some((run) => [/\d/, /[a-z]/, /[A-Z]/].every((of) => of.test(run)));
}

export function isCredentialInUrl(text: string): boolean {
  const [path = "", query = ""] = text.split("?", 2);
  const named = query.split("&").map((pair) => pair.split("=", 1)[0] ?? "");
  return userInfo.test(text) || hasRandomPart(path) || hasRandomPart(query) || named.some(isCredentialName);
}
