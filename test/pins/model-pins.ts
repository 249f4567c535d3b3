// Of what is about models, the first pin of each event: as literals, under the same rules as in message-pins.ts.

import type { Pin } from "./message-pins.ts";

export const modelPins: Readonly<Record<string, Pin>> = {
  "tollgate.v1.ProviderRegistered": {
    json: {
      provider: {
        id: "00000000000000r1",
        name: "anthropic",
        kind: "PROVIDER_KIND_ANTHROPIC",
        baseUrl: "https://api.anthropic.com",
        credentials: [{ name: "main", secretId: "00000000000000x1", weight: 3, models: ["claude-*"] }],
        models: ["claude-sonnet-4-5", "claude-haiku-*"],
        timeoutSeconds: 600,
        allowPrivateNetwork: true,
        passthrough: true,
        requires: ["feature"],
      },
    },
    hex: "0a93010a10303030303030303030303030303072311209616e7468726f7069631801221968747470733a2f2f6170692e616e7468726f7069632e636f6d2a240a046d61696e12103030303030303030303030303030783118032208636c617564652d2a3211636c617564652d736f6e6e65742d342d35320e636c617564652d6861696b752d2a38d804400148017a0766656174757265",
  },
  "tollgate.v1.ProviderChanged": {
    json: {
      provider: {
        id: "00000000000000r1",
        name: "anthropic",
        kind: "PROVIDER_KIND_ANTHROPIC",
        baseUrl: "https://api.anthropic.com",
        credentials: [{ name: "main", secretId: "00000000000000x1", weight: 3, models: ["claude-*"] }],
        models: ["claude-sonnet-4-5", "claude-haiku-*"],
        timeoutSeconds: 600,
        allowPrivateNetwork: true,
        passthrough: true,
        requires: ["feature"],
      },
    },
    hex: "0a93010a10303030303030303030303030303072311209616e7468726f7069631801221968747470733a2f2f6170692e616e7468726f7069632e636f6d2a240a046d61696e12103030303030303030303030303030783118032208636c617564652d2a3211636c617564652d736f6e6e65742d342d35320e636c617564652d6861696b752d2a38d804400148017a0766656174757265",
  },
  "tollgate.v1.ProviderRetired": {
    json: {
      provider: {
        id: "00000000000000r1",
        name: "anthropic",
        kind: "PROVIDER_KIND_ANTHROPIC",
        baseUrl: "https://api.anthropic.com",
        credentials: [{ name: "main", secretId: "00000000000000x1", weight: 3, models: ["claude-*"] }],
        models: ["claude-sonnet-4-5", "claude-haiku-*"],
        timeoutSeconds: 600,
        allowPrivateNetwork: true,
        passthrough: true,
        requires: ["feature"],
      },
    },
    hex: "0a93010a10303030303030303030303030303072311209616e7468726f7069631801221968747470733a2f2f6170692e616e7468726f7069632e636f6d2a240a046d61696e12103030303030303030303030303030783118032208636c617564652d2a3211636c617564652d736f6e6e65742d342d35320e636c617564652d6861696b752d2a38d804400148017a0766656174757265",
  },
  "tollgate.v1.ModelAliasCreated": {
    json: {
      modelAlias: {
        id: "00000000000000m1",
        name: "fast",
        targets: [{ providerId: "00000000000000r1", model: "claude-haiku-4-5" }],
        requires: ["feature"],
      },
    },
    hex: "0a470a1030303030303030303030303030306d311204666173741a240a10303030303030303030303030303072311210636c617564652d6861696b752d342d357a0766656174757265",
  },
  "tollgate.v1.ModelAliasChanged": {
    json: {
      modelAlias: {
        id: "00000000000000m1",
        name: "fast",
        targets: [{ providerId: "00000000000000r1", model: "claude-haiku-4-5" }],
        requires: ["feature"],
      },
    },
    hex: "0a470a1030303030303030303030303030306d311204666173741a240a10303030303030303030303030303072311210636c617564652d6861696b752d342d357a0766656174757265",
  },
  "tollgate.v1.ModelAliasRetired": {
    json: {
      modelAlias: {
        id: "00000000000000m1",
        name: "fast",
        targets: [{ providerId: "00000000000000r1", model: "claude-haiku-4-5" }],
        requires: ["feature"],
      },
    },
    hex: "0a470a1030303030303030303030303030306d311204666173741a240a10303030303030303030303030303072311210636c617564652d6861696b752d342d357a0766656174757265",
  },
  "tollgate.v1.PricesSet": {
    json: {
      priceList: {
        id: "0000000000000000",
        version: 3,
        prices: [
          {
            provider: "anthropic",
            model: "claude-sonnet-4-*",
            serviceTier: "priority",
            rates: {
              input: "3000000000",
              cacheRead: "300000000",
              cacheWrite5m: "3750000000",
              cacheWrite1h: "6000000000",
              output: "15000000000",
            },
            tiers: [
              {
                inputTokensAbove: "200000",
                rates: {
                  input: "3000000007",
                  cacheRead: "300000007",
                  cacheWrite5m: "3750000007",
                  cacheWrite1h: "6000000007",
                  output: "15000000007",
                },
              },
            ],
            requestNanoUsd: "1",
            webSearchNanoUsd: "10000000",
            contextTokensMax: "1000000",
            outputTokensMax: "64000",
          },
        ],
        requires: ["feature"],
      },
    },
    hex: "0a9c010a103030303030303030303030303030303010031a7d0a09616e7468726f7069631211636c617564652d736f6e6e65742d342d2a1a087072696f72697479221e0880bcc1960b1080c6868f011880eb91fc0d2080f882ad162880acc7f0372a2408c09a0c121e0887bcc1960b1087c6868f011887eb91fc0d2087f882ad162887acc7f03730013880ade20440c0843d4880f4037a0766656174757265",
  },
};
