// What the fixture servers keep of each request, and how a spec reads it. It says what a client sent and when; of answers
// it holds status and type only.
import { z } from "zod";

const recorded = z.object({
  /** Since the server's start. */
  atMs: z.number(),
  method: z.string(),
  path: z.string(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())]).optional()),
  body: z.unknown().optional(),
  status: z.number().optional(),
  answerType: z.string().optional(),
  /** When the answer was over, or the client went away; absent as long as it is open. */
  endedAtMs: z.number().optional(),
});
export type Recorded = z.infer<typeof recorded>;

const named = z.looseObject({ method: z.string().optional(), id: z.union([z.string(), z.number()]).optional() });

/** `url` is that of the server's `/mcp`. */
export async function seenBy(url: string): Promise<Recorded[]> {
  const answer = await fetch(new URL("/seen", url));
  return z.array(recorded).parse(await answer.json());
}

/** A word for each request: its JSON-RPC method, `answer` for what answers a server's request, or the HTTP method. */
export function wordOf({ method, body }: Recorded): string {
  const message = named.safeParse(body).data;
  if (message === undefined) return method;
  return message.method ?? "answer";
}
