// The hashes that the kernel asks for, as Node has them.
import { createHash, createHmac } from "node:crypto";
import type { Hmac, Sha256 } from "@tollgate/kernel/fact-chain";

export const sha256: Sha256 = (bytes) => createHash("sha256").update(bytes).digest();
export const hmac: Hmac = (key, bytes) => createHmac("sha256", key).update(bytes).digest();
