// What a legacy server asked in a call and its modern client has not answered yet, each under the key by which he is told of it.
// He may bring an answer before its question, such as when he comes again; it is kept for it.

import type { ServerRequest } from "../wire/message.ts";
import { keyOf, paramsOf } from "./input.ts";

export class OpenQuestions {
  // Made when there is something to hold: almost no call has any of it.
  private open: Map<string, ServerRequest> | undefined;
  private given: Map<string, string> | undefined;

  get isEmpty(): boolean {
    return this.open === undefined || this.open.size === 0;
  }

  /** JSON by key. */
  bring(given: ReadonlyMap<string, string>): void {
    this.given = new Map(given);
  }

  /** The answer that was brought for it; without one it is open from now on. */
  take(request: ServerRequest): string | undefined {
    const open = (this.open ??= new Map<string, ServerRequest>());
    const key = keyOf(request, open);
    const answer = this.given?.get(key);
    if (answer === undefined) open.set(key, request);
    else this.given?.delete(key);
    return answer;
  }

  /** What is not among the answers stays open. */
  answer(given: ReadonlyMap<string, string>, reply: (request: ServerRequest, answer: string) => void): void {
    for (const [key, request] of this.open ?? []) {
      const answer = given.get(key);
      if (answer === undefined) continue;
      this.open?.delete(key);
      reply(request, answer);
    }
  }

  /** JSON of all that are open, as the client is asked them. */
  text(): string {
    const requests = [...(this.open ?? [])].map(
      ([key, request]) =>
        `${JSON.stringify(key)}:{"method":${JSON.stringify(request.method)},"params":${paramsOf(request)}}`,
    );
    return `{${requests.join(",")}}`;
  }
}
