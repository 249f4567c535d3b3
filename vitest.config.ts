// One configuration for every package: specs run on the built packages of others (`dist`) and the sources of their own.
// The control plane's decorators need their metadata, which only the `oxc` legacy transform emits.
import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ["**/src/**/*.spec.ts", "test/**/*.spec.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: ["test/support/global-setup.ts"],
  },
});
