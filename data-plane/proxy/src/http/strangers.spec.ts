// Whose body a door takes in. Anybody can make up a key of the right form: were its body read before it is known that nobody
// was given it, a few connections could fill the memory of a worker.

import { once } from "node:events";
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { key, team, until, viewWith } from "../fixtures/gate-fixture.ts";
import { bytesOf, startModelGate, type ModelGate } from "../fixtures/model-fixture.ts";

const doors = ["/anthropic/v1/messages", "/openai/v1/chat/completions", "/openai/v1/other", "/mcp"];
const part = '{"jsonrpc":"2.0","id":1,"method":"ping","model":"m"';

/** Says that much is to come, and sends the beginning. */
function begin(gate: ModelGate, path: string, text: string): ClientRequest {
  const headers = { "x-api-key": text, "content-type": "application/json", "content-length": "1000000" };
  const sent = request(gate.url + path, { method: "POST", headers, agent: false });
  sent.on("error", () => undefined);
  onTestFinished(() => void sent.destroy());
  sent.write(part);
  return sent;
}

async function answerOf(sent: ClientRequest): Promise<{ status: number | undefined; text: string }> {
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (response === undefined) throw new Error("no response");
  return { status: response.statusCode, text: (await bytesOf(response)).toString() };
}

for (const path of doors) {
  test(`at ${path} a key that nobody was given is refused before its body has come`, async () => {
    const gate = await startModelGate([]);
    const { status, text } = await answerOf(begin(gate, path, key([]).text));
    expect(status).toBe(401);
    expect(text).toContain("The key is not known");
  });

  test(`at ${path} a key that is revoked while its body comes is refused at its end`, async () => {
    const gate = await startModelGate([]);
    const arrived = once(gate.gate.listener.server, "request");
    const sent = begin(gate, path, gate.agent.text);
    const [incoming]: IncomingMessage[] = await arrived;
    await until(() => (incoming?.socket.bytesRead ?? 0) > part.length, "the body to have begun");
    gate.show(viewWith([team()], 2n));
    sent.end(" ".repeat(1_000_000 - part.length - 1) + "}");
    expect((await answerOf(sent)).status).toBe(401);
  });
}
