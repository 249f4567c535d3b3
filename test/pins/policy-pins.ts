// What logs hold of policies: one pin an event, and one more for each other kind that a policy can be of.

import type { Pin } from "./message-pins.ts";

export const policyPins: Readonly<Record<string, Pin>> = {
  "tollgate.v1.PolicyCreated": {
    json: {
      policy: {
        id: "00000000000000q1",
        name: "no-deletes",
        disabled: true,
        order: -1,
        match: 'call.tool == "delete_repo"',
        covers: ["server/0123456789abcdef"],
        requires: ["feature"],
        deny: { message: "Ask first." },
      },
    },
    hex: "0a780a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a076665617475726582010c0a0a41736b2066697273742e",
  },
  "tollgate.v1.PolicyChanged": {
    json: {
      policy: {
        id: "00000000000000q1",
        name: "no-deletes",
        disabled: true,
        order: -1,
        match: 'call.tool == "delete_repo"',
        covers: ["server/0123456789abcdef"],
        requires: ["feature"],
        deny: { message: "Ask first." },
      },
    },
    hex: "0a780a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a076665617475726582010c0a0a41736b2066697273742e",
  },
  "tollgate.v1.PolicyRetired": {
    json: {
      policy: {
        id: "00000000000000q1",
        name: "no-deletes",
        disabled: true,
        order: -1,
        match: 'call.tool == "delete_repo"',
        covers: ["server/0123456789abcdef"],
        requires: ["feature"],
        deny: { message: "Ask first." },
      },
    },
    hex: "0a780a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a076665617475726582010c0a0a41736b2066697273742e",
  },
};

export const policyKindPins: Readonly<Record<string, readonly Pin[]>> = {
  "tollgate.v1.PolicyCreated": [
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          redact: {
            of: "REDACT_OF_TOOLS",
            direction: "REDACT_DIRECTION_BOTH",
            patterns: ["sk-[a-z0-9]+"],
            replacement: "[key]",
          },
        },
      },
      hex: "0a85010a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572658a0119080110031a0c736b2d5b612d7a302d395d2b22055b6b65795d",
    },
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          validateArguments: { schema: '{"type":"object"}' },
        },
      },
      hex: "0a7f0a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572659201130a117b2274797065223a226f626a656374227d",
    },
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          limit: { measure: "LIMIT_MEASURE_REQUESTS", amount: "600", window: "LIMIT_WINDOW_MINUTE" },
        },
      },
      hex: "0a730a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572659a0107080110d8041801",
    },
  ],
  "tollgate.v1.PolicyChanged": [
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          redact: {
            of: "REDACT_OF_TOOLS",
            direction: "REDACT_DIRECTION_BOTH",
            patterns: ["sk-[a-z0-9]+"],
            replacement: "[key]",
          },
        },
      },
      hex: "0a85010a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572658a0119080110031a0c736b2d5b612d7a302d395d2b22055b6b65795d",
    },
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          validateArguments: { schema: '{"type":"object"}' },
        },
      },
      hex: "0a7f0a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572659201130a117b2274797065223a226f626a656374227d",
    },
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          limit: { measure: "LIMIT_MEASURE_REQUESTS", amount: "600", window: "LIMIT_WINDOW_MINUTE" },
        },
      },
      hex: "0a730a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572659a0107080110d8041801",
    },
  ],
  "tollgate.v1.PolicyRetired": [
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          redact: {
            of: "REDACT_OF_TOOLS",
            direction: "REDACT_DIRECTION_BOTH",
            patterns: ["sk-[a-z0-9]+"],
            replacement: "[key]",
          },
        },
      },
      hex: "0a85010a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572658a0119080110031a0c736b2d5b612d7a302d395d2b22055b6b65795d",
    },
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          validateArguments: { schema: '{"type":"object"}' },
        },
      },
      hex: "0a7f0a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572659201130a117b2274797065223a226f626a656374227d",
    },
    {
      json: {
        policy: {
          id: "00000000000000q1",
          name: "no-deletes",
          disabled: true,
          order: -1,
          match: 'call.tool == "delete_repo"',
          covers: ["server/0123456789abcdef"],
          requires: ["feature"],
          limit: { measure: "LIMIT_MEASURE_REQUESTS", amount: "600", window: "LIMIT_WINDOW_MINUTE" },
        },
      },
      hex: "0a730a1030303030303030303030303030307131120a6e6f2d64656c65746573180120ffffffffffffffffff012a1a63616c6c2e746f6f6c203d3d202264656c6574655f7265706f2232177365727665722f303132333435363738396162636465667a07666561747572659a0107080110d8041801",
    },
  ],
};
