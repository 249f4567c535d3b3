// One call for all policies that ask about it. What is read of it is read once, and its arguments only when one of them asks.

import type { CelInput } from "@bufbuild/cel";
import { limits } from "../limits.ts";
import { BoundCall } from "./bound-call.ts";
import { InexactNumber, isExactObject, JsonProblem, readExactJson, type ExactObject } from "./exact-json.ts";
import type { Bindings, PolicyCall, PolicyPrincipal } from "./variables.ts";

export class Subject {
  readonly principal: PolicyPrincipal;
  readonly call: PolicyCall;
  private readArguments: ExactObject | JsonProblem | undefined;
  private bound: Bindings | undefined;
  private boundWithArguments: Bindings | undefined;

  constructor(principal: PolicyPrincipal, call: PolicyCall) {
    this.principal = principal;
    this.call = call;
  }

  /** Throws `JsonProblem` where nobody could say what they are. */
  arguments(): ExactObject {
    if (this.call.hasUnknownArguments === true) throw new JsonProblem("they are not known");
    this.readArguments ??= argumentsOf(this.call.argumentsText());
    if (this.readArguments instanceof JsonProblem) throw this.readArguments;
    return this.readArguments;
  }

  bindings(readsArguments: boolean): Bindings {
    if (!readsArguments) return (this.bound ??= new BoundCall(this.principal, this.call));
    // A number that cannot be held exactly is no value of CEL: whatever touches it fails, as it shall.
    const args = (this.call.hasUnknownArguments === true ? unknownArguments : this.arguments()) as CelInput;
    return (this.boundWithArguments ??= new BoundCall(this.principal, this.call, args));
  }
}

const unknownArguments = new InexactNumber("of what is not known");

function argumentsOf(text: string | undefined): ExactObject | JsonProblem {
  if (text === undefined) return new Map();
  if (text.length > limits.policyArgumentsCharsMax)
    return new JsonProblem(`they are longer than ${limits.policyArgumentsCharsMax} characters`);
  try {
    const value = readExactJson(text);
    return isExactObject(value) ? value : new JsonProblem("they are no object");
  } catch (error) {
    if (error instanceof JsonProblem) return error;
    throw error;
  }
}
