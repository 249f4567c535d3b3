// Messages that got new fields after they were pinned: each new state of one has a pin of its own, and the former pin stays as it
// was, because what was written then is still read. All pins of a message together fill in all of its fields.

import type { Pin } from "./message-pins.ts";

export const grownPins: Readonly<Record<string, readonly Pin[]>> = {
  "tollgate.v1.TeamCreated": [
    {
      json: {
        team: {
          id: "0123456789abcdef",
          name: "engineering",
          tools: ["github/*", "prompt:files/*"],
          toolGroupIds: ["00000000000000g1"],
          requires: ["feature"],
        },
      },
      hex: "0a540a1030313233343536373839616263646566120b656e67696e656572696e671a086769746875622f2a1a0e70726f6d70743a66696c65732f2a2210303030303030303030303030303067317a0766656174757265",
    },
    {
      json: {
        team: {
          id: "0123456789abcdef",
          name: "engineering",
          tools: ["github/*", "prompt:files/*"],
          toolGroupIds: ["00000000000000g1"],
          models: ["anthropic/claude-*", "fast"],
          requires: ["feature"],
        },
      },
      hex: "0a6e0a1030313233343536373839616263646566120b656e67696e656572696e671a086769746875622f2a1a0e70726f6d70743a66696c65732f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173747a0766656174757265",
    },
  ],
  "tollgate.v1.TeamChanged": [
    {
      json: {
        team: {
          id: "0123456789abcdef",
          name: "engineering",
          tools: ["github/*", "prompt:files/*"],
          toolGroupIds: ["00000000000000g1"],
          models: ["anthropic/claude-*", "fast"],
          requires: ["feature"],
        },
      },
      hex: "0a6e0a1030313233343536373839616263646566120b656e67696e656572696e671a086769746875622f2a1a0e70726f6d70743a66696c65732f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173747a0766656174757265",
    },
  ],
  "tollgate.v1.TeamRetired": [
    {
      json: {
        team: {
          id: "0123456789abcdef",
          name: "engineering",
          tools: ["github/*", "prompt:files/*"],
          toolGroupIds: ["00000000000000g1"],
          requires: ["feature"],
        },
      },
      hex: "0a540a1030313233343536373839616263646566120b656e67696e656572696e671a086769746875622f2a1a0e70726f6d70743a66696c65732f2a2210303030303030303030303030303067317a0766656174757265",
    },
    {
      json: {
        team: {
          id: "0123456789abcdef",
          name: "engineering",
          tools: ["github/*", "prompt:files/*"],
          toolGroupIds: ["00000000000000g1"],
          models: ["anthropic/claude-*", "fast"],
          requires: ["feature"],
        },
      },
      hex: "0a6e0a1030313233343536373839616263646566120b656e67696e656572696e671a086769746875622f2a1a0e70726f6d70743a66696c65732f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173747a0766656174757265",
    },
  ],
  "tollgate.v1.KeyIssued": [
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            },
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
              validUntilMs: "1800000000000",
            },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          requires: ["feature"],
        },
      },
      hex: "0acb010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067317a0766656174757265",
    },
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" },
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", validUntilMs: "1800000000000" },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          models: ["anthropic/claude-*", "fast"],
          requires: ["feature"],
        },
      },
      hex: "0ae5010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067315a12616e7468726f7069632f636c617564652d2a5a04666173747a0766656174757265",
    },
  ],
  "tollgate.v1.KeyChanged": [
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            },
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
              validUntilMs: "1800000000000",
            },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          requires: ["feature"],
        },
      },
      hex: "0acb010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067317a0766656174757265",
    },
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" },
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", validUntilMs: "1800000000000" },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          models: ["anthropic/claude-*", "fast"],
          requires: ["feature"],
        },
      },
      hex: "0ae5010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067315a12616e7468726f7069632f636c617564652d2a5a04666173747a0766656174757265",
    },
  ],
  "tollgate.v1.KeyRotated": [
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            },
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
              validUntilMs: "1800000000000",
            },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          requires: ["feature"],
        },
      },
      hex: "0acb010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067317a0766656174757265",
    },
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" },
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", validUntilMs: "1800000000000" },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          models: ["anthropic/claude-*", "fast"],
          requires: ["feature"],
        },
      },
      hex: "0ae5010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067315a12616e7468726f7069632f636c617564652d2a5a04666173747a0766656174757265",
    },
  ],
  "tollgate.v1.KeyRevoked": [
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            },
            {
              sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
              validUntilMs: "1800000000000",
            },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          requires: ["feature"],
        },
      },
      hex: "0acb010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067317a0766656174757265",
    },
    {
      json: {
        key: {
          id: "fedcba9876543210",
          name: "alice-laptop",
          teamId: "0123456789abcdef",
          purpose: "KEY_PURPOSE_AGENT",
          secrets: [
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" },
            { sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", validUntilMs: "1800000000000" },
          ],
          tools: ["github/*", "files/read_*"],
          createdAtMs: "1790000000000",
          expiresAtMs: "1890000000000",
          revokedAtMs: "1795000000000",
          toolGroupIds: ["00000000000000g1"],
          models: ["anthropic/claude-*", "fast"],
          requires: ["feature"],
        },
      },
      hex: "0ae5010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e345210303030303030303030303030303067315a12616e7468726f7069632f636c617564652d2a5a04666173747a0766656174757265",
    },
  ],
  "tollgate.v1.ServerRegistered": [
    {
      json: {
        server: {
          id: "00000000000000t1",
          name: "github",
          headers: [
            {
              name: "Authorization",
              prefix: "Bearer ",
              secretId: "00000000000000x1",
            },
          ],
          timeoutSeconds: 60,
          allowPrivateNetwork: true,
          transport: "SERVER_TRANSPORT_STDIO",
          command: ["npx", "-y", "server"],
          environment: [
            {
              name: "LEVEL",
              value: "info",
            },
            {
              name: "TOKEN",
              prefix: "Bearer ",
              secretId: "00000000000000x1",
            },
          ],
          workingDirectory: "/srv/docs",
          era: "ERA_LEGACY",
          isolation: "SERVER_ISOLATION_SESSION",
          catalogue: "SERVER_CATALOGUE_PINNED",
          requires: ["feature"],
        },
      },
      hex: "0aaa010a10303030303030303030303030303074311206676974687562222a0a0d417574686f72697a6174696f6e1207426561726572201a1030303030303030303030303030307831283c3001380342036e707842022d7942067365727665724a0d0a054c4556454c2204696e666f4a220a05544f4b454e1207426561726572201a103030303030303030303030303030783152092f7372762f646f63735801600268027a0766656174757265",
    },
  ],
  "tollgate.v1.ServerChanged": [
    {
      json: {
        server: {
          id: "00000000000000t1",
          name: "github",
          headers: [
            {
              name: "Authorization",
              prefix: "Bearer ",
              secretId: "00000000000000x1",
            },
          ],
          timeoutSeconds: 60,
          allowPrivateNetwork: true,
          transport: "SERVER_TRANSPORT_STDIO",
          command: ["npx", "-y", "server"],
          environment: [
            {
              name: "LEVEL",
              value: "info",
            },
            {
              name: "TOKEN",
              prefix: "Bearer ",
              secretId: "00000000000000x1",
            },
          ],
          workingDirectory: "/srv/docs",
          era: "ERA_LEGACY",
          isolation: "SERVER_ISOLATION_SESSION",
          catalogue: "SERVER_CATALOGUE_PINNED",
          requires: ["feature"],
        },
      },
      hex: "0aaa010a10303030303030303030303030303074311206676974687562222a0a0d417574686f72697a6174696f6e1207426561726572201a1030303030303030303030303030307831283c3001380342036e707842022d7942067365727665724a0d0a054c4556454c2204696e666f4a220a05544f4b454e1207426561726572201a103030303030303030303030303030783152092f7372762f646f63735801600268027a0766656174757265",
    },
  ],
  "tollgate.v1.ServerRetired": [
    {
      json: {
        server: {
          id: "00000000000000t1",
          name: "github",
          headers: [
            {
              name: "Authorization",
              prefix: "Bearer ",
              secretId: "00000000000000x1",
            },
          ],
          timeoutSeconds: 60,
          allowPrivateNetwork: true,
          transport: "SERVER_TRANSPORT_STDIO",
          command: ["npx", "-y", "server"],
          environment: [
            {
              name: "LEVEL",
              value: "info",
            },
            {
              name: "TOKEN",
              prefix: "Bearer ",
              secretId: "00000000000000x1",
            },
          ],
          workingDirectory: "/srv/docs",
          era: "ERA_LEGACY",
          isolation: "SERVER_ISOLATION_SESSION",
          catalogue: "SERVER_CATALOGUE_PINNED",
          requires: ["feature"],
        },
      },
      hex: "0aaa010a10303030303030303030303030303074311206676974687562222a0a0d417574686f72697a6174696f6e1207426561726572201a1030303030303030303030303030307831283c3001380342036e707842022d7942067365727665724a0d0a054c4556454c2204696e666f4a220a05544f4b454e1207426561726572201a103030303030303030303030303030783152092f7372762f646f63735801600268027a0766656174757265",
    },
  ],
};
