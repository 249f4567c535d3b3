// What a suite does about a real part (Kafka, a browser) that the machine may lack: with the part it runs; without, it is
// skipped and its title says why; in CI it fails, because there a skip would pass for a proof. It does not find the part.
import { describe, test } from "vitest";
import { testEnvironment } from "./environment.ts";

export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

export function describeWith(availability: Availability, title: string, body: () => void): void {
  if (availability.available) {
    describe(title, body);
    return;
  }
  const { reason } = availability;
  if (testEnvironment().isCi) {
    describe(title, () => {
      test("has what it needs", () => {
        throw new Error(`CI must not skip this: ${reason}`);
      });
    });
    return;
  }
  describe.skip(`${title} (skipped: ${reason})`, body);
}
