// How much of the disk the spool takes now, for the metrics. A segment that is trimmed while it is looked at counts nothing.

import { statSync } from "node:fs";
import { listEpochs, listSegments } from "../facts/spool-file.ts";

export function spoolBytes(directory: string): number {
  const segments = listEpochs(directory).flatMap((epoch) => listSegments(directory, epoch));
  return segments.reduce((sum, { path }) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}
