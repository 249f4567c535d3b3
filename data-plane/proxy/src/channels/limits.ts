// Everything that can grow in a channel host, with its limit and the limit's unit. They are for a program that runs beside
// the workers of one proxy, and generous: what reaches them is a fault of a server, or a caller that forgets its sessions.

export const channelLimits = {
  /** Of one message, in either direction. */
  messageBytesMax: 16 * 1024 * 1024,
  /** What waits for a server that does not read. */
  unreadBytesMax: 64 * 1024 * 1024,
  connectionsMax: 20_000,
  sessionsPerServerMax: 1_000,
  /** Child processes or SSE connections, with isolation by session. */
  channelsPerServerMax: 64,
  requestsPerServerMax: 512,
  streamsPerSessionMax: 8,
  /** Of notifications that wait for the reader of one stream; the oldest go first. */
  streamBytesMax: 1024 * 1024,
  /** What a session without a stream did not hear is kept for the next one, the newest so many. */
  unheardMessagesMax: 64,
  unheardBytesMax: 64 * 1024,
  /** Of a server to its client, without an answer so far, in one session. */
  serverRequestsMax: 64,
  /** How long such a request waits for a call or a stream on which it could be asked. */
  serverRequestHeldMsMax: 10_000,
  /** From then on the server of a slow reader is not read either. */
  slowReaderBytes: 1024 * 1024,
  /** For which one slow reader may hold up all that share its server; then its connection is cut. */
  slowReaderMsMax: 30_000,
  /** A first start may have to download its program. */
  initializeMsMax: 180_000,
  /** An SSE server's `endpoint` event, and its answers to what is posted. */
  answerMsMax: 30_000,
  /** A session without a running request and without a stream is forgotten after it. */
  sessionIdleMsMax: 1_800_000,
  /** A program that was only asked for its era, by a caller who then speaks the other one. */
  probedIdleMsMax: 10_000,
  /** What calls of a registration that was replaced get to finish. */
  retiredMsMax: 60_000,
  /** After its input was closed, and again after SIGTERM. */
  endStepMsMax: 2_000,
  backOffMsMin: 1_000,
  backOffMsMax: 60_000,
  /** Who lived that long begins anew with the shortest pause. */
  steadyMs: 30_000,
  saidLineCharsMax: 1_000,
  saidLinesPerSecondMax: 20,
  saidLinesKeptMax: 20,
};

export type ChannelLimits = typeof channelLimits;
