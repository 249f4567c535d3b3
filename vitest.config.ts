// One configuration for every package: specs run on the built packages of others (`dist`) and the sources of their own.
// The control plane's decorators need their metadata, which only the `oxc` legacy transform emits.
// `graphql` has two builds, and objects of one are strangers to the other: specs get the one that Nest and Apollo load.
import { createRequire } from "node:module";
import { defineConfig } from "vitest/config";

const require = createRequire(import.meta.url);

export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: require.resolve("graphql") }] },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ["**/src/**/*.spec.ts", "infra/**/*.spec.ts", "test/**/*.spec.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: ["test/support/global-setup.ts"],
    // They end what hangs and measure nothing: a machine with ten times the load fails no test.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
