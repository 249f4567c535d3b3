// Which resources an older proxy must not enforce. What says nothing new needs nothing, so that every resource from before
// keeps its bytes.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Era,
  ServerCatalogue,
  ServerIsolation,
  ServerSchema,
  ServerTransport,
  TeamSchema,
} from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { knownFeatures, requiring, serverFeatures, teamFeatures } from "./features.ts";
import { knowledge } from "./replica.ts";

test.each<[string, MessageInitShape<typeof ServerSchema>, string[]]>([
  ["as it always was", { url: "https://x.example" }, []],
  ["over Streamable HTTP, and said so", { transport: ServerTransport.STREAMABLE_HTTP }, []],
  ["with an era, which an older proxy finds out", { era: Era.LEGACY }, []],
  ["whose catalogue is taken as it comes", { catalogue: ServerCatalogue.AUTO }, []],
  ["over stdio", { transport: ServerTransport.STDIO }, ["server-transport"]],
  ["over SSE", { transport: ServerTransport.SSE }, ["server-transport"]],
  [
    "pinned, and apart for each session",
    { catalogue: ServerCatalogue.PINNED, isolation: ServerIsolation.SESSION },
    ["server-isolation", "pinned-catalogue"],
  ],
])("a server %s", (_, fields, needed) => {
  expect(serverFeatures(create(ServerSchema, fields))).toEqual(needed);
});

test("a team that bounds its keys, and one that does not", () => {
  expect(teamFeatures(create(TeamSchema))).toEqual([]);
  expect(teamFeatures(create(TeamSchema, { tools: ["a/*"] }))).toEqual(["team-tools"]);
  expect(teamFeatures(create(TeamSchema, { toolGroupIds: ["g"] }))).toEqual(["team-tools"]);
});

test("what a later version required stays, and every feature is said to the control plane", () => {
  expect(requiring(["of-tomorrow", "team-tools"], [])).toEqual(["of-tomorrow"]);
  expect(requiring(["of-tomorrow", "team-tools"], ["team-tools"])).toEqual(["of-tomorrow", "team-tools"]);
  expect(knowledge().features).toEqual([...knownFeatures]);
});
