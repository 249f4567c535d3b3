// What a server answers instead of an answer is called by its name, whatever it looks like: a question that met something
// unreadable must end, or whoever watches the server waits for ever.

import { createServer } from "node:http";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import { ServerSchema } from "@tollgate/schema/resources";
import { createDeadlines } from "../../upstream/deadlines.ts";
import { createSecretValues } from "../../upstream/secret-values.ts";
import { createUpstreams } from "../../upstream/upstreams.ts";
import { ask, postHeaders } from "./ask.ts";

async function answered(body: string): Promise<unknown> {
  const listener = createServer((_request, response) => response.writeHead(502).end(body)).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const upstreams = createUpstreams(createSecretValues());
  const deadlines = createDeadlines();
  onTestFinished(async () => {
    await upstreams.close();
    deadlines.close();
    listener.close();
  });
  const url = `http://127.0.0.1:${port}/`;
  const server = create(ServerSchema, { id: "s", name: "s", url, timeoutSeconds: 2, allowPrivateNetwork: true });
  const parts = { upstream: upstreams.of(server), upstreams, deadlines, messageBytesMax: 1_000 };
  return ask(parts, postHeaders, 1, "ping", "{}").catch((error: unknown) => error);
}

test("what only looks like a channel's word ends a question like any other", async () => {
  expect(await answered('<a href="channel.html">')).toMatchObject({ code: "upstream.unreachable" });
  expect(await answered('{"error":{"code":"channel.exited","message":"It exited."}}')).toMatchObject({
    code: "upstream.unreachable",
    detail: "It exited.",
  });
});
