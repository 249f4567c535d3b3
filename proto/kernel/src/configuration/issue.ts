// What is wrong with a configuration file, and where. A message is a sentence that stands alone and names the field; it
// never repeats a value. The list is bounded: a file of errors costs no more than its first ones.

export type Place = { line: number; column: number };

export type Issue = Place & { path: string; message: string };

export class IssueList {
  readonly #issues: Issue[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get isEmpty(): boolean {
    return this.#issues.length === 0;
  }

  /** What is found now is told to nobody: it need not be looked into. */
  get isFull(): boolean {
    return this.#issues.length >= this.#max;
  }

  /** `predicate` completes the sentence that begins with the field: "is empty". */
  add({ path, at }: { path: string; at: Place }, predicate: string): void {
    if (this.isFull) return;
    const subject = path === "" ? "The file" : `\`${path}\``;
    this.#issues.push({ line: at.line, column: at.column, path, message: `${subject} ${predicate}.` });
  }

  sorted(): readonly Issue[] {
    return [...this.#issues].sort((a, b) => a.line - b.line || a.column - b.column);
  }
}

/** `file:line:column: sentence`, as editors and terminals know it. */
export function formatIssue(fileName: string, issue: Issue): string {
  return `${fileName}:${issue.line}:${issue.column}: ${issue.message}`;
}
