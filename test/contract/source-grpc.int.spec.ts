// The suite of sources over gRPC, the embedded default.

import { describe } from "vitest";
import { sourceContract } from "./source.contract.ts";

describe("the log over gRPC", () => {
  sourceContract({ name: "grpc", brokers: async () => [] });
});
