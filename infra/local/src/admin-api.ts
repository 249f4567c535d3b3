// The few questions that the launcher has for the admin API, asked as any other client asks: over HTTP, with the first admin
// token out of its file. What cannot be asked or is not answered as it has to be is a Problem in a sentence. It has no
// retries: it speaks to a control plane that has just said that it is ready.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { Problem, fileProblem } from "./problem.ts";
import type { Ready } from "./ready.ts";

export interface AdminApi {
  /** `data` as the parser takes it. */
  ask<T>(data: z.ZodType<T>, query: string, variables?: Readonly<Record<string, unknown>>): Promise<T>;
}

const refused = 401;
const answerShape = z.object({
  data: z.unknown(),
  errors: z.array(z.object({ message: z.string() })).default([]),
});

export function adminApi({ control, adminTokenFile }: Pick<Ready, "control" | "adminTokenFile">): AdminApi {
  const token = readToken(adminTokenFile);
  return {
    async ask(data, query, variables = {}) {
      const response = await fetch(`${control}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ query, variables }),
      });
      const said = await response.text();
      if (response.status === refused)
        throw new Problem(`The admin token in ${adminTokenFile} is not accepted any more.`);
      const { errors, data: found } = answerShape.parse(JSON.parse(said));
      if (errors.length > 0)
        throw new Problem(`The admin API refuses: ${errors.map(({ message }) => message).join("; ")}`);
      return data.parse(found);
    },
  };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw fileProblem(`The admin token in ${path} cannot be read`, cause);
  }
}
