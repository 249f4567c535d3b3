// Pins of customers and users, and of what teams and keys say of them since there are any. As all pins, they are never
// changed to make a change pass.

import type { Pin } from "./message-pins.ts";

export const hierarchyPins: Readonly<Record<string, Pin>> = {
  "tollgate.v1.CustomerCreated": {
    json: {
      customer: {
        id: "00000000000000c1",
        name: "acme",
        tools: ["github/*"],
        toolGroupIds: ["00000000000000g1"],
        models: ["anthropic/claude-*", "fast"],
        requires: ["feature"],
      },
    },
    hex: "0a570a1030303030303030303030303030306331120461636d651a086769746875622f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173747a0766656174757265",
  },
  "tollgate.v1.UserCreated": {
    json: {
      user: {
        id: "00000000000000e1",
        name: "alice",
        tools: ["github/*"],
        toolGroupIds: ["00000000000000g1"],
        models: ["anthropic/claude-*", "fast"],
        customerId: "00000000000000c1",
        requires: ["feature"],
      },
    },
    hex: "0a6a0a10303030303030303030303030303065311205616c6963651a086769746875622f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173743210303030303030303030303030303063317a0766656174757265",
  },
  "tollgate.v1.CustomerChanged": {
    json: {
      customer: {
        id: "00000000000000c1",
        name: "acme",
        tools: ["github/*"],
        toolGroupIds: ["00000000000000g1"],
        models: ["anthropic/claude-*", "fast"],
        requires: ["feature"],
      },
    },
    hex: "0a570a1030303030303030303030303030306331120461636d651a086769746875622f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173747a0766656174757265",
  },
  "tollgate.v1.UserChanged": {
    json: {
      user: {
        id: "00000000000000e1",
        name: "alice",
        tools: ["github/*"],
        toolGroupIds: ["00000000000000g1"],
        models: ["anthropic/claude-*", "fast"],
        customerId: "00000000000000c1",
        requires: ["feature"],
      },
    },
    hex: "0a6a0a10303030303030303030303030303065311205616c6963651a086769746875622f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173743210303030303030303030303030303063317a0766656174757265",
  },
  "tollgate.v1.CustomerRetired": {
    json: {
      customer: {
        id: "00000000000000c1",
        name: "acme",
        tools: ["github/*"],
        toolGroupIds: ["00000000000000g1"],
        models: ["anthropic/claude-*", "fast"],
        requires: ["feature"],
      },
    },
    hex: "0a570a1030303030303030303030303030306331120461636d651a086769746875622f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173747a0766656174757265",
  },
  "tollgate.v1.UserRetired": {
    json: {
      user: {
        id: "00000000000000e1",
        name: "alice",
        tools: ["github/*"],
        toolGroupIds: ["00000000000000g1"],
        models: ["anthropic/claude-*", "fast"],
        customerId: "00000000000000c1",
        requires: ["feature"],
      },
    },
    hex: "0a6a0a10303030303030303030303030303065311205616c6963651a086769746875622f2a2210303030303030303030303030303067312a12616e7468726f7069632f636c617564652d2a2a04666173743210303030303030303030303030303063317a0766656174757265",
  },
};

/** Beside the pins that these messages had before. */
export const grownHierarchyPins: Readonly<Record<string, Pin>> = {
  "tollgate.v1.TeamCreated": {
    json: {
      team: {
        id: "0123456789abcdef",
        name: "engineering",
        customerId: "00000000000000c1",
        requires: ["team-customer"],
      },
    },
    hex: "0a400a1030313233343536373839616263646566120b656e67696e656572696e673210303030303030303030303030303063317a0d7465616d2d637573746f6d6572",
  },
  "tollgate.v1.TeamChanged": {
    json: {
      team: {
        id: "0123456789abcdef",
        name: "engineering",
        customerId: "00000000000000c1",
        requires: ["team-customer"],
      },
    },
    hex: "0a400a1030313233343536373839616263646566120b656e67696e656572696e673210303030303030303030303030303063317a0d7465616d2d637573746f6d6572",
  },
  "tollgate.v1.TeamRetired": {
    json: {
      team: {
        id: "0123456789abcdef",
        name: "engineering",
        customerId: "00000000000000c1",
        requires: ["team-customer"],
      },
    },
    hex: "0a400a1030313233343536373839616263646566120b656e67696e656572696e673210303030303030303030303030303063317a0d7465616d2d637573746f6d6572",
  },
  "tollgate.v1.KeyIssued": {
    json: {
      key: {
        id: "fedcba9876543210",
        name: "alice-laptop",
        teamId: "0123456789abcdef",
        userId: "00000000000000e1",
        labels: [
          {
            name: "project",
            values: ["apollo", "gemini-*"],
          },
        ],
        requires: ["key-user"],
      },
    },
    hex: "0a6b0a1066656463626139383736353433323130120c616c6963652d6c6170746f701a10303132333435363738396162636465666210303030303030303030303030303065316a1b0a0770726f6a656374120661706f6c6c6f120867656d696e692d2a7a086b65792d75736572",
  },
  "tollgate.v1.KeyChanged": {
    json: {
      key: {
        id: "fedcba9876543210",
        name: "alice-laptop",
        teamId: "0123456789abcdef",
        userId: "00000000000000e1",
        labels: [
          {
            name: "project",
            values: ["apollo", "gemini-*"],
          },
        ],
        requires: ["key-user"],
      },
    },
    hex: "0a6b0a1066656463626139383736353433323130120c616c6963652d6c6170746f701a10303132333435363738396162636465666210303030303030303030303030303065316a1b0a0770726f6a656374120661706f6c6c6f120867656d696e692d2a7a086b65792d75736572",
  },
  "tollgate.v1.KeyRotated": {
    json: {
      key: {
        id: "fedcba9876543210",
        name: "alice-laptop",
        teamId: "0123456789abcdef",
        userId: "00000000000000e1",
        labels: [
          {
            name: "project",
            values: ["apollo", "gemini-*"],
          },
        ],
        requires: ["key-user"],
      },
    },
    hex: "0a6b0a1066656463626139383736353433323130120c616c6963652d6c6170746f701a10303132333435363738396162636465666210303030303030303030303030303065316a1b0a0770726f6a656374120661706f6c6c6f120867656d696e692d2a7a086b65792d75736572",
  },
  "tollgate.v1.KeyRevoked": {
    json: {
      key: {
        id: "fedcba9876543210",
        name: "alice-laptop",
        teamId: "0123456789abcdef",
        userId: "00000000000000e1",
        labels: [
          {
            name: "project",
            values: ["apollo", "gemini-*"],
          },
        ],
        requires: ["key-user"],
      },
    },
    hex: "0a6b0a1066656463626139383736353433323130120c616c6963652d6c6170746f701a10303132333435363738396162636465666210303030303030303030303030303065316a1b0a0770726f6a656374120661706f6c6c6f120867656d696e692d2a7a086b65792d75736572",
  },
};
