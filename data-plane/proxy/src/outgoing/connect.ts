// How a connection is opened: TCP, TLS with the sessions that it has had, or a Unix socket, within a time. undici does it, and
// nothing else here.

import { buildConnector } from "undici";

export type Connect = buildConnector.connector;

export function connecting(options: buildConnector.BuildOptions): Connect {
  return buildConnector({ ...options, allowH2: false });
}
