// Why a request over a channel got no answer of its server: a code, a sentence and an HTTP status. They are said between
// processes of one proxy; whoever asked over the socket tells its own client in the words of `@tollgate/kernel/errors`. A
// sentence names what happened and never holds a value of an environment, a header or a message.

const statuses = {
  /** No JSON-RPC message, or one that has no place here. */
  "channel.request-invalid": 400,
  "channel.session-missing": 400,
  "channel.server-unknown": 404,
  "channel.session-unknown": 404,
  "channel.method-not-allowed": 405,
  "channel.request-too-large": 413,
  /** The caller himself took it back. */
  "channel.cancelled": 409,
  "channel.not-started": 502,
  "channel.ended": 502,
  "channel.unreachable": 502,
  /** It wants another credential, or none of ours. */
  "channel.refused": 502,
  "channel.protocol": 502,
  "channel.message-too-large": 502,
  "channel.timeout": 502,
  /** The registration was changed or removed, or its session ended, under a running request. */
  "channel.replaced": 502,
  "channel.backing-off": 503,
  "channel.busy": 503,
  "channel.closing": 503,
} as const;

export type ChannelProblemCode = keyof typeof statuses;

export type ChannelProblem = { readonly code: ChannelProblemCode; readonly message: string };

export function problem(code: ChannelProblemCode, message: string): ChannelProblem {
  return { code, message };
}

export function statusOf({ code }: ChannelProblem): number {
  return statuses[code];
}

export function bodyOf({ code, message }: ChannelProblem): string {
  return JSON.stringify({ error: { code, message } });
}
