// Servers, given/when/then. What a refused command would have broken is said where it is not plain.

import { fold } from "@tollgate/kernel/decider";
import { ServerChangedSchema } from "@tollgate/schema/events";
import { ServerCatalogue, ServerIsolation, ServerTransport } from "@tollgate/schema/resources";
import { isMessage } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  serverDecider,
  usualSettings,
  type ServerCommand,
  type ServerEvent,
  type ServerSettings,
} from "./server.decider.ts";

const settings: ServerSettings = {
  ...usualSettings,
  url: "https://mcp.example.com/mcp",
  headers: [{ name: "authorization", prefix: "Bearer ", secretId: "s1" }],
  timeoutSeconds: 60,
  allowPrivateNetwork: false,
};
/** Nothing that is meant anyway is written: the bytes are those of a version that knew only addresses. */
const asStored = {
  ...{ url: settings.url, headers: settings.headers, timeoutSeconds: 60, requires: [] },
  ...{ transport: 0, catalogue: 0, era: 0, isolation: 0, command: [], environment: [], workingDirectory: "" },
};
const program: ServerSettings = {
  ...usualSettings,
  transport: ServerTransport.STDIO,
  command: ["npx", "-y", "server"],
  environment: [
    { name: "LEVEL", prefix: "", secretId: "", value: "info" },
    { name: "TOKEN", prefix: "", secretId: "s2", value: "" },
  ],
  workingDirectory: "/srv",
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
  expect(fold(serverDecider, given(registered))).toMatchObject({ id: "1", name: "docs", ...asStored });
});

test("a change keeps what it does not name, and one that changes nothing is no event", () => {
  const decision = when(given(registered), { kind: "change", id: "1", settings: { timeoutSeconds: 5 } });
  const [event] = decision.outcome === "accepted" ? decision.events : [];
  expect(isMessage(event, ServerChangedSchema) && event.server).toMatchObject({ ...asStored, timeoutSeconds: 5 });
  expect(when(given(registered), { kind: "change", id: "1", settings })).toEqual({ outcome: "accepted", events: [] });
});

test("a program is there whole, holds its secrets, and is nothing for a proxy that knows only addresses", () => {
  const decision = when([], { kind: "register", id: "1", name: "docs", ...program });
  expect(decision).toMatchObject({ outcome: "accepted", refer: ["secret/s2"] });
  const events = given({ kind: "register", id: "1", name: "docs", ...program });
  expect(fold(serverDecider, events)).toMatchObject({ ...program, catalogue: 0, requires: ["server-transport"] });
  const pinned = { catalogue: ServerCatalogue.PINNED, isolation: ServerIsolation.SESSION };
  expect(
    fold(serverDecider, [...events, ...eventsOf(when(events, { kind: "change", id: "1", settings: pinned }))]),
  ).toMatchObject({
    requires: ["server-transport", "server-isolation", "pinned-catalogue"],
  });
  const back = when(events, {
    kind: "change",
    id: "1",
    settings: { ...settings, command: [], environment: [], workingDirectory: "" },
  });
  expect(fold(serverDecider, [...events, ...eventsOf(back)])).toMatchObject(asStored);
});

function eventsOf(decision: ReturnType<typeof when>): readonly ServerEvent[] {
  if (decision.outcome === "refused") throw new Error(decision.refusal.kind);
  return decision.events;
}

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
  ["a command for an address", { command: ["npx"] }, "command"],
  ["an environment for an address", { environment: program.environment }, "environment"],
  ["a program with an address", { ...program, url: "https://x.example" }, "url"],
  ["a program that may dial", { ...program, allowPrivateNetwork: true }, "allowPrivateNetwork"],
  ["a program with headers", { ...program, headers: settings.headers }, "headers"],
  ["a program that is none", { ...program, command: [] }, "command"],
  ["an argument with a NUL, which would end it", { ...program, command: ["a", "b\0c"] }, "command"],
  ["a directory that is relative", { ...program, workingDirectory: "../docs" }, "workingDirectory"],
  [
    "a variable whose name says two things",
    { ...program, environment: [{ name: "A=B", prefix: "", secretId: "", value: "" }] },
    "environment[0].name",
  ],
  [
    "one variable twice",
    { ...program, environment: [...program.environment, { name: "LEVEL", prefix: "", secretId: "", value: "" }] },
    "environment[2].name",
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
