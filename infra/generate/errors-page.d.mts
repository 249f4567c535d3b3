// Types of the script beside it, for the specs that are TypeScript.
import type { ErrorEntry, ErrorShape } from "@tollgate/kernel/errors";

export function errorsPage(
  errors: Readonly<Record<string, ErrorEntry>>,
  shapes: Readonly<Record<string, ErrorShape>>,
): string;
