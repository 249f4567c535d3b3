// What is on disk and on the wire of every event, as literals. An event that was released keeps its bytes for ever: logs hold
// them and their hash chain covers them. Every field is filled in, so that a new field needs a new line here. These lines
// are written by hand or printed once by a failing test; they are never changed to make a change pass.

import type { JsonValue } from "@bufbuild/protobuf";

export type Pin = { readonly json: JsonValue; readonly hex: string };

export const messagePins: Readonly<Record<string, Pin>> = {
  "tollgate.v1.TeamCreated": {
    json: {
      team: {
        id: "0123456789abcdef",
        name: "engineering",
        requires: ["feature"],
      },
    },
    hex: "0a280a1030313233343536373839616263646566120b656e67696e656572696e677a0766656174757265",
  },
  "tollgate.v1.TeamRetired": {
    json: {
      team: {
        id: "0123456789abcdef",
        name: "engineering",
        requires: ["feature"],
      },
    },
    hex: "0a280a1030313233343536373839616263646566120b656e67696e656572696e677a0766656174757265",
  },
  "tollgate.v1.KeyIssued": {
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
        requires: ["feature"],
      },
    },
    hex: "0ab9010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e347a0766656174757265",
  },
  "tollgate.v1.KeyChanged": {
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
        requires: ["feature"],
      },
    },
    hex: "0ab9010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e347a0766656174757265",
  },
  "tollgate.v1.KeyRotated": {
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
        requires: ["feature"],
      },
    },
    hex: "0ab9010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e347a0766656174757265",
  },
  "tollgate.v1.KeyRevoked": {
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
        requires: ["feature"],
      },
    },
    hex: "0ab9010a1066656463626139383736353433323130120c616c6963652d6c6170746f701a103031323334353637383961626364656620012a220a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2a290a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1080a0f1c2b13432086769746875622f2a320c66696c65732f726561645f2a3880d8c1a28c344080a89de680374880bcd9f29e347a0766656174757265",
  },
  "tollgate.v1.ServerRegistered": {
    json: {
      server: {
        id: "00000000000000t1",
        name: "github",
        url: "https://mcp.github.example/mcp",
        headers: [
          {
            name: "Authorization",
            prefix: "Bearer ",
            secretId: "00000000000000x1",
          },
        ],
        timeoutSeconds: 60,
        allowPrivateNetwork: true,
        requires: ["feature"],
      },
    },
    hex: "0a730a103030303030303030303030303030743112066769746875621a1e68747470733a2f2f6d63702e6769746875622e6578616d706c652f6d6370222a0a0d417574686f72697a6174696f6e1207426561726572201a1030303030303030303030303030307831283c30017a0766656174757265",
  },
  "tollgate.v1.ServerChanged": {
    json: {
      server: {
        id: "00000000000000t1",
        name: "github",
        url: "https://mcp.github.example/mcp",
        headers: [
          {
            name: "Authorization",
            prefix: "Bearer ",
            secretId: "00000000000000x1",
          },
        ],
        timeoutSeconds: 60,
        allowPrivateNetwork: true,
        requires: ["feature"],
      },
    },
    hex: "0a730a103030303030303030303030303030743112066769746875621a1e68747470733a2f2f6d63702e6769746875622e6578616d706c652f6d6370222a0a0d417574686f72697a6174696f6e1207426561726572201a1030303030303030303030303030307831283c30017a0766656174757265",
  },
  "tollgate.v1.ServerRetired": {
    json: {
      server: {
        id: "00000000000000t1",
        name: "github",
        url: "https://mcp.github.example/mcp",
        headers: [
          {
            name: "Authorization",
            prefix: "Bearer ",
            secretId: "00000000000000x1",
          },
        ],
        timeoutSeconds: 60,
        allowPrivateNetwork: true,
        requires: ["feature"],
      },
    },
    hex: "0a730a103030303030303030303030303030743112066769746875621a1e68747470733a2f2f6d63702e6769746875622e6578616d706c652f6d6370222a0a0d417574686f72697a6174696f6e1207426561726572201a1030303030303030303030303030307831283c30017a0766656174757265",
  },
  "tollgate.v1.TeamChanged": {
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
  "tollgate.v1.ToolGroupCreated": {
    json: {
      toolGroup: {
        id: "00000000000000g1",
        name: "research",
        tools: ["files/read_*", "github/*"],
        naming: "TOOL_NAMING_NONE",
        eras: ["ERA_LEGACY", "ERA_MODERN"],
        requires: ["feature"],
      },
    },
    hex: "0a430a1030303030303030303030303030306731120872657365617263681a0c66696c65732f726561645f2a1a086769746875622f2a20032a0201027a0766656174757265",
  },
  "tollgate.v1.ToolGroupChanged": {
    json: {
      toolGroup: {
        id: "00000000000000g1",
        name: "research",
        tools: ["files/read_*", "github/*"],
        naming: "TOOL_NAMING_NONE",
        eras: ["ERA_LEGACY", "ERA_MODERN"],
        requires: ["feature"],
      },
    },
    hex: "0a430a1030303030303030303030303030306731120872657365617263681a0c66696c65732f726561645f2a1a086769746875622f2a20032a0201027a0766656174757265",
  },
  "tollgate.v1.ToolGroupRetired": {
    json: {
      toolGroup: {
        id: "00000000000000g1",
        name: "research",
        tools: ["files/read_*", "github/*"],
        naming: "TOOL_NAMING_NONE",
        eras: ["ERA_LEGACY", "ERA_MODERN"],
        requires: ["feature"],
      },
    },
    hex: "0a430a1030303030303030303030303030306731120872657365617263681a0c66696c65732f726561645f2a1a086769746875622f2a20032a0201027a0766656174757265",
  },
  "tollgate.v1.ToolApproved": {
    json: {
      toolApproval: {
        id: "00000000000000v1",
        serverId: "00000000000000t1",
        name: "read_file",
        definitionSha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        requires: ["feature"],
      },
    },
    hex: "0a5a0a10303030303030303030303030303076311210303030303030303030303030303074311a09726561645f66696c652220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f7a0766656174757265",
  },
  "tollgate.v1.ToolApprovalWithdrawn": {
    json: {
      toolApproval: {
        id: "00000000000000v1",
        serverId: "00000000000000t1",
        name: "read_file",
        definitionSha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        requires: ["feature"],
      },
    },
    hex: "0a5a0a10303030303030303030303030303076311210303030303030303030303030303074311a09726561645f66696c652220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f7a0766656174757265",
  },
  "tollgate.v1.SecretStored": {
    json: {
      secret: {
        id: "00000000000000x1",
        name: "github-token",
        version: 3,
        requires: ["feature"],
      },
    },
    hex: "0a2b0a1030303030303030303030303030307831120c6769746875622d746f6b656e18037a0766656174757265",
  },
  "tollgate.v1.SecretErased": {
    json: {
      secret: {
        id: "00000000000000x1",
        name: "github-token",
        version: 3,
        requires: ["feature"],
      },
    },
    hex: "0a2b0a1030303030303030303030303030307831120c6769746875622d746f6b656e18037a0766656174757265",
  },
  "tollgate.v1.EnvironmentSet": {
    json: {
      environment: {
        id: "00000000000000e1",
        name: "production",
        replicaAgeMsMax: "3600000",
        requires: ["feature"],
      },
    },
    hex: "0a2c0a1030303030303030303030303030306531120a70726f64756374696f6e1880dddb017a0766656174757265",
  },
  "tollgate.v1.EnvironmentRetired": {
    json: {
      environment: {
        id: "00000000000000e1",
        name: "production",
        replicaAgeMsMax: "3600000",
        requires: ["feature"],
      },
    },
    hex: "0a2c0a1030303030303030303030303030306531120a70726f64756374696f6e1880dddb017a0766656174757265",
  },
  "tollgate.v1.AdminTokenIssued": {
    json: {
      adminToken: {
        id: "00000000000000a1",
        name: "first",
        sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        createdAtMs: "1790000000000",
        expiresAtMs: "1890000000000",
        revokedAtMs: "1795000000000",
      },
    },
    hex: "0a500a1030303030303030303030303030306131120566697273741a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2080d8c1a28c342880a89de680373080bcd9f29e34",
  },
  "tollgate.v1.AdminTokenRevoked": {
    json: {
      adminToken: {
        id: "00000000000000a1",
        name: "first",
        sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        createdAtMs: "1790000000000",
        expiresAtMs: "1890000000000",
        revokedAtMs: "1795000000000",
      },
    },
    hex: "0a500a1030303030303030303030303030306131120566697273741a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2080d8c1a28c342880a89de680373080bcd9f29e34",
  },
  "tollgate.v1.JoinTokenIssued": {
    json: {
      joinToken: {
        id: "00000000000000j1",
        name: "first",
        sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        usesMax: 2,
        usedBy: ["00000000000000p1"],
        environment: "production",
        createdAtMs: "1790000000000",
        expiresAtMs: "1890000000000",
        revokedAtMs: "1795000000000",
      },
    },
    hex: "0a700a1030303030303030303030303030306a31120566697273741a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20022a1030303030303030303030303030307031320a70726f64756374696f6e3880d8c1a28c344080a89de680374880bcd9f29e34",
  },
  "tollgate.v1.JoinTokenUsed": {
    json: {
      joinToken: {
        id: "00000000000000j1",
        name: "first",
        sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        usesMax: 2,
        usedBy: ["00000000000000p1"],
        environment: "production",
        createdAtMs: "1790000000000",
        expiresAtMs: "1890000000000",
        revokedAtMs: "1795000000000",
      },
    },
    hex: "0a700a1030303030303030303030303030306a31120566697273741a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20022a1030303030303030303030303030307031320a70726f64756374696f6e3880d8c1a28c344080a89de680374880bcd9f29e34",
  },
  "tollgate.v1.JoinTokenRevoked": {
    json: {
      joinToken: {
        id: "00000000000000j1",
        name: "first",
        sha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        usesMax: 2,
        usedBy: ["00000000000000p1"],
        environment: "production",
        createdAtMs: "1790000000000",
        expiresAtMs: "1890000000000",
        revokedAtMs: "1795000000000",
      },
    },
    hex: "0a700a1030303030303030303030303030306a31120566697273741a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20022a1030303030303030303030303030307031320a70726f64756374696f6e3880d8c1a28c344080a89de680374880bcd9f29e34",
  },
  "tollgate.v1.ProxyEnrolled": {
    json: {
      proxy: {
        id: "00000000000000p1",
        keySha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        joinTokenId: "00000000000000j1",
        environment: "production",
        region: "eu-west",
        enrolledAtMs: "1790000000000",
        revokedAtMs: "1795000000000",
      },
    },
    hex: "0a690a10303030303030303030303030303070311220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1a1030303030303030303030303030306a31220a70726f64756374696f6e2a0765752d776573743080d8c1a28c343880bcd9f29e34",
  },
  "tollgate.v1.ProxyRevoked": {
    json: {
      proxy: {
        id: "00000000000000p1",
        keySha256: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        joinTokenId: "00000000000000j1",
        environment: "production",
        region: "eu-west",
        enrolledAtMs: "1790000000000",
        revokedAtMs: "1795000000000",
      },
    },
    hex: "0a690a10303030303030303030303030303070311220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1a1030303030303030303030303030306a31220a70726f64756374696f6e2a0765752d776573743080d8c1a28c343880bcd9f29e34",
  },
  "tollgate.v1.LoggedEvent": {
    json: {
      stream: "team/0123456789abcdef",
      version: 7,
      type: "tollgate.v1.TeamCreated",
      scopes: ["team/0123456789abcdef"],
      timeMs: "1790000000000",
      actor: "system/bootstrap",
      body: "CigKEDAxMjM0NTY3ODlhYmNkZWYSC2VuZ2luZWVyaW5negdmZWF0dXJl",
      left: 2,
    },
    hex: "0a157465616d2f3031323334353637383961626364656610071a17746f6c6c676174652e76312e5465616d4372656174656422157465616d2f303132333435363738396162636465662880d8c1a28c34321073797374656d2f626f6f7473747261703a2a0a280a1030313233343536373839616263646566120b656e67696e656572696e677a07666561747572654002",
  },
  "tollgate.v1.Record": {
    json: {
      position: "300",
      commit: "302",
      type: "tollgate.v1.TeamCreated",
      scopes: ["team/0123456789abcdef"],
      body: "CigKEDAxMjM0NTY3ODlhYmNkZWYSC2VuZ2luZWVyaW5negdmZWF0dXJl",
      previous: "AQI=",
      hash: "AwQ=",
    },
    hex: "08ac0210ae021a17746f6c6c676174652e76312e5465616d4372656174656422157465616d2f303132333435363738396162636465662a2a0a280a1030313233343536373839616263646566120b656e67696e656572696e677a0766656174757265320201023a020304",
  },
};
