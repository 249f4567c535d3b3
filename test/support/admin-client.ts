// The admin API as a client sees it: GraphQL over HTTP with a token. An answer with errors throws them as they came.

export interface GraphQlFailure {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export class AdminError extends Error {
  readonly errors: readonly GraphQlFailure[];

  constructor(errors: readonly GraphQlFailure[]) {
    super(errors.map((error) => error.message).join("; "));
    this.errors = errors;
  }
}

export class AdminClient {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(controlUrl: string, token: string | undefined, headers: Readonly<Record<string, string>> = {}) {
    this.url = `${controlUrl}/graphql`;
    this.#token = token;
    this.#headers = headers;
  }

  async send(query: string, variables: Record<string, unknown> = {}): Promise<{ status: number; body: string }> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...this.#headers,
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    return { status: response.status, body: await response.text() };
  }

  /** The type is the caller's claim about his own query; a wrong one fails where the value is used. */
  async run<Data>(query: string, variables: Record<string, unknown> = {}): Promise<Data> {
    const { status, body } = await this.send(query, variables);
    let answer: { data?: Data | null; errors?: readonly GraphQlFailure[] };
    try {
      answer = JSON.parse(body) as typeof answer;
    } catch (cause) {
      throw new Error(`the admin API answered ${status} without JSON: ${body.slice(0, 500)}`, { cause });
    }
    if (answer.errors) throw new AdminError(answer.errors);
    if (!answer.data) throw new Error(`the admin API answered ${status} without data: ${body.slice(0, 500)}`);
    return answer.data;
  }
}
