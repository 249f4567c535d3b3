// The registry is complete: an entry that a door could not render, or a person could not act on, would be found in the
// middle of an incident.

import { describe, expect, test } from "vitest";
import {
  doorShapeOf,
  errors,
  errorShapes,
  publicText,
  shapeOf,
  TollgateError,
  type ErrorCode,
  type ErrorEntry,
} from "./errors.ts";

const entries: [ErrorCode, ErrorEntry][] = Object.keys(errors)
  .filter((code): code is ErrorCode => code in errors)
  .map((code) => [code, errors[code]]);

describe.each(entries)("%s", (code, entry) => {
  test("has a code of the form area.reason, a text and a help that are sentences", () => {
    expect(code).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/);
    for (const text of [entry.text, entry.help]) expect(text).toMatch(/^[A-Z`].*\.$/s);
  });

  test("looks right in every door", () => {
    const shape = shapeOf(code);
    expect(shape.http).toBeGreaterThanOrEqual(400);
    expect(shape.http).toBeLessThan(600);
    expect(shape.jsonRpc).toBe(entry.jsonRpc ?? errorShapes[entry.class].jsonRpc);
    expect(shape.jsonRpc).toBeGreaterThanOrEqual(-32_768);
    expect(shape.jsonRpc).toBeLessThanOrEqual(-32_000);
    expect(shape.grpc).toBeGreaterThanOrEqual(1);
    expect(shape.grpc).toBeLessThanOrEqual(16);
    expect(shape.graphql).toMatch(/^[A-Z_]+$/);
    for (const type of [shape.anthropic, shape.openai]) expect(type).toMatch(/^[a-z_]+$/);
    for (const door of ["anthropic", "openai"] as const) {
      const { http, type } = doorShapeOf(code, door);
      expect(http === shape.http || entry.doors?.[door]?.http === http).toBe(true);
      expect(type).toMatch(/^[a-z_]+$/);
    }
  });
});

// Claude Code takes a 404 for an endpoint that is not there, and OpenAI's clients know the code of a model that is not.
test("an unknown model is said as each door's clients know it", () => {
  expect(doorShapeOf("model.unknown", "anthropic")).toEqual({
    http: 400,
    type: "invalid_request_error",
    code: "model.unknown",
  });
  expect(doorShapeOf("model.unknown", "openai")).toEqual({
    http: 404,
    type: "invalid_request_error",
    code: "model_not_found",
  });
});

test("a status of its own comes before the class's", () => {
  expect(shapeOf("model.encoding-unsupported").http).toBe(415);
});

test("no two codes tell the caller the same", () => {
  const texts = entries.map(([, { text }]) => text);
  expect(new Set(texts).size).toBe(texts.length);
});

test("codes of one area stand together", () => {
  const areas = entries.map(([code]) => code.split(".")[0]).filter((area, index, all) => area !== all[index - 1]);
  expect(new Set(areas).size).toBe(areas.length);
});

describe("an error with a code", () => {
  test("tells its text and its detail, and keeps its cause to itself", () => {
    const error = new TollgateError("upstream.timeout", "Server `github`.", { cause: new Error("the secret inside") });
    expect(error.message).toBe("The server did not answer in time. Server `github`.");
    expect(error).toMatchObject({ name: "TollgateError", code: "upstream.timeout", detail: "Server `github`." });
    expect(JSON.stringify(error)).not.toContain("inside");
  });

  test("tells its text alone where there is no detail", () => {
    expect(publicText("auth.key-missing")).toBe("No Tollgate key was sent.");
    expect(new TollgateError("auth.key-missing").message).toBe(publicText("auth.key-missing"));
  });
});
