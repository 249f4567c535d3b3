// Servers, given/when/then. What a refused command would have broken is said where it is not plain.

import { fold } from "@tollgate/kernel/decider";
import { ServerChangedSchema } from "@tollgate/schema/events";
import { isMessage } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { serverDecider, type ServerCommand, type ServerEvent, type ServerSettings } from "./server.decider.ts";

const settings: ServerSettings = {
  url: "https://mcp.example.com/mcp",
  headers: [{ name: "authorization", prefix: "Bearer ", secretId: "s1" }],
  timeoutSeconds: 60,
  allowPrivateNetwork: false,
};
const registered: ServerCommand = { kind: "register", id: "1", name: "docs", ...settings };

function given(...commands: ServerCommand[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  for (const command of commands) {
    const decision = serverDecider.decide(command, fold(serverDecider, events));
    if (decision.outcome === "refused") throw new Error(decision.refusal.kind);
    events.push(...decision.events);
  }
  return events;
}

function when(events: readonly ServerEvent[], command: ServerCommand) {
  return serverDecider.decide(command, fold(serverDecider, events));
}

test("a registered server is there whole, holds its name and its secrets", () => {
  const decision = when([], registered);
  expect(decision).toMatchObject({ outcome: "accepted", reserve: "docs", refer: ["secret/s1"] });
  expect(fold(serverDecider, given(registered))).toMatchObject({ id: "1", name: "docs", ...settings });
});

test("a change keeps what it does not name, and one that changes nothing is no event", () => {
  const decision = when(given(registered), { kind: "change", id: "1", settings: { timeoutSeconds: 5 } });
  const [event] = decision.outcome === "accepted" ? decision.events : [];
  expect(isMessage(event, ServerChangedSchema) && event.server).toMatchObject({ ...settings, timeoutSeconds: 5 });
  expect(when(given(registered), { kind: "change", id: "1", settings })).toEqual({ outcome: "accepted", events: [] });
});

test("headers that are taken away give their secrets back", () => {
  const decision = when(given(registered), { kind: "change", id: "1", settings: { headers: [] } });
  expect(decision).toMatchObject({ outcome: "accepted", refer: [] });
});

test("a retired server gives its name back and is not there any more", () => {
  const events = given(registered, { kind: "retire", id: "1" });
  expect(fold(serverDecider, events)).toBeUndefined();
  for (const command of [
    { kind: "retire", id: "1" },
    { kind: "change", id: "1", settings: {} },
  ] as const)
    expect(when(events, command)).toEqual({ outcome: "refused", refusal: { kind: "not-found", scope: "server/1" } });
});

test.each<[string, Partial<ServerSettings> & { name?: string }, string]>([
  ["a name with a slash, which would be two segments of a tool pattern", { name: "a/b" }, "name"],
  ["a URL that is not http", { url: "ftp://example.com/" }, "url"],
  ["a URL that carries credentials into the log", { url: "https://u:p@example.com/" }, "url"],
  ["no time at all", { timeoutSeconds: 0 }, "timeoutSeconds"],
  ["half a second", { timeoutSeconds: 0.5 }, "timeoutSeconds"],
  ["a header that the gate sets itself", { headers: [{ name: "Host", prefix: "", secretId: "s" }] }, "headers[0].name"],
  [
    "a line break in a prefix, which would begin a header of its own",
    { headers: [{ name: "x-a", prefix: "a\r\nx-b: ", secretId: "s" }] },
    "headers[0].prefix",
  ],
  [
    "one header in two spellings",
    {
      headers: [
        { name: "X-A", prefix: "", secretId: "s" },
        { name: "x-a", prefix: "", secretId: "s" },
      ],
    },
    "headers[1].name",
  ],
])("%s is refused", (_, wrong, field) => {
  const decision = when([], { kind: "register", id: "1", name: "docs", ...settings, ...wrong });
  expect(decision).toMatchObject({ outcome: "refused", refusal: { kind: "invalid-input", field } });
});
