// Programs on their standard streams keep the promises of a channel.

import { onTestFinished } from "vitest";
import { openLog } from "../log-output.ts";
import { serverScript } from "../fixtures/channel-host-fixture.ts";
import { contractBytesMax, describeChannel } from "../fixtures/channel.contract.ts";
import { startKeeper } from "./keeper.ts";
import { channelLimits } from "./limits.ts";
import { openStdioChannel } from "./stdio-channel.ts";

const limits = { ...channelLimits, messageBytesMax: contractBytesMax, endStepMsMax: 300 };

describeChannel("standard streams", async () => {
  const keeper = startKeeper(openLog("silent", {}));
  onTestFinished(() => keeper.close());
  const program = { environment: new Map<string, string>(), workingDirectory: undefined };
  const parts = { keeper, limits };
  return {
    open: (events) => openStdioChannel({ ...program, command: [process.execPath, serverScript] }, parts, events),
    openToNothing: (events) => openStdioChannel({ ...program, command: ["/nonexistent\0"] }, parts, events),
  };
});
