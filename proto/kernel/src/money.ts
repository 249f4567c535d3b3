// Money is nano-dollars in `bigint`, everywhere. A floating-point number never holds an amount: a price of a tenth of a
// cent per million tokens, times a token count, must come out exact. Texts are decimal dollars ("0.25").

export type NanoUsd = bigint;

export const nanoPerUsd = 1_000_000_000n;
const decimal = /^(\d{1,12})(?:\.(\d{1,9}))?$/;

/** Undefined for anything but a plain, non-negative decimal with at most nine places. */
export function parseUsd(text: string): NanoUsd | undefined {
  const match = decimal.exec(text);
  const whole = match?.[1];
  if (whole === undefined) return undefined;
  return BigInt(whole) * nanoPerUsd + BigInt((match?.[2] ?? "").padEnd(9, "0"));
}

export function formatUsd(amount: NanoUsd): string {
  const sign = amount < 0n ? "-" : "";
  const size = amount < 0n ? -amount : amount;
  const fraction = (size % nanoPerUsd).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${size / nanoPerUsd}${fraction === "" ? "" : `.${fraction}`}`;
}
