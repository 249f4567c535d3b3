// The kind `validate-arguments`: a call's arguments have to be as a JSON Schema says, or it is refused with what is wrong
// first. Arguments that nobody could be sure how to read, with a member twice, say, are not valid.

import type { ValidateArgumentsPolicy } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { PolicyRefused, passes, type Judge } from "./answer.ts";
import { JsonProblem, readExactJson } from "./exact-json.ts";
import { compileSchema, SchemaProblem, type Validate } from "./json-schema.ts";

const field = "validateArguments.schema";

export function compileValidateArguments({ schema }: ValidateArgumentsPolicy): Judge {
  const validate = validatorOf(schema);
  return (subject) => {
    const problem = problemOf(() => validate(subject.arguments(), ""));
    if (problem === undefined) return passes;
    return { outcome: "refuses", code: "policy.arguments-invalid", detail: problem };
  };
}

function validatorOf(schema: string): Validate {
  if (schema.length > limits.policySchemaCharsMax)
    throw new PolicyRefused({ field, message: `it is longer than ${limits.policySchemaCharsMax} characters` });
  try {
    return compileSchema(readExactJson(schema));
  } catch (error) {
    if (error instanceof JsonProblem || error instanceof SchemaProblem)
      throw new PolicyRefused({ field, message: error.message });
    throw error;
  }
}

function problemOf(validate: () => string | undefined): string | undefined {
  try {
    const problem = validate();
    return problem === undefined ? undefined : `${problem}.`;
  } catch (error) {
    if (error instanceof JsonProblem) return `The arguments cannot be judged: ${error.message}.`;
    throw error;
  }
}
