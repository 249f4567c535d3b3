// Decisions about approvals: a tool has one, and what was approved last holds.

import { create } from "@bufbuild/protobuf";
import { isId } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { ToolApprovalWithdrawnSchema, ToolApprovedSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { toolApprovalDecider, toolApprovalId } from "./tool-approval.decider.ts";

const [one, other] = [1, 2].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array];
const tool = { id: "v1", serverId: "s1", name: "read_file" };
const approvedAs = (definitionSha256: Uint8Array) =>
  create(ToolApprovedSchema, { toolApproval: { ...tool, definitionSha256 } });
const withdrawn = create(ToolApprovalWithdrawnSchema, { toolApproval: { ...tool, definitionSha256: one } });
const approvals = given(toolApprovalDecider);
const approve = { kind: "approve", ...tool, definitionSha256: one } as const;

test("a definition is approved once, and another one in its place", () => {
  approvals()
    .when(approve)
    .then([approvedAs(one)]);
  approvals(approvedAs(one)).when(approve).then([]);
  approvals(approvedAs(one))
    .when({ ...approve, definitionSha256: other })
    .then([approvedAs(other)]);
});

test("an approval that was withdrawn is none, and may be given again", () => {
  approvals(approvedAs(one)).when({ kind: "withdraw", id: "v1" }).then([withdrawn]);
  approvals(approvedAs(one), withdrawn).when({ kind: "withdraw", id: "v1" }).refused({ kind: "not-found" });
  approvals(approvedAs(one), withdrawn)
    .when(approve)
    .then([approvedAs(one)]);
});

test.each([
  ["a tool without a name", { name: "" }, "name"],
  ["a name that is a novel", { name: "x".repeat(limits.toolNameCharsMax + 1) }, "name"],
  ["a hash that is none", { definitionSha256: new Uint8Array(31) }, "sha256"],
])("refused: %s", (_, part, field) => {
  approvals()
    .when({ ...approve, ...part })
    .refused({ kind: "invalid-input", field });
});

test("a tool of a server has one stream, whatever it is called", () => {
  const ids = [
    ["s1", "a"],
    ["s1", "b"],
    ["s2", "a"],
    ["s1", "ä/../x y"],
  ].map(([server, name]) => toolApprovalId(server ?? "", name ?? ""));
  expect(new Set(ids).size).toBe(4);
  expect(ids.every(isId)).toBe(true);
  expect(toolApprovalId("s1", "a")).toBe(ids[0]);
});
