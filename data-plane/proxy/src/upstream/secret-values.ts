// A worker's copy of the secrets that servers' headers and providers' credentials are: in memory, given by the primary, never
// logged and never handed to anything but a header. The generation changes with every set, so that headers built from values know when
// they are old.

export type SecretValue = { id: string; version: number; value: Uint8Array };

export type SecretValues = {
  get(id: string): string | undefined;
  generation(): number;
  replace(values: readonly SecretValue[]): void;
};

export function createSecretValues(): SecretValues {
  let texts = new Map<string, string>();
  let generation = 0;
  return {
    get: (id) => texts.get(id),
    generation: () => generation,
    replace(values) {
      texts = new Map(values.map(({ id, value }) => [id, Buffer.from(value).toString("utf8")]));
      generation++;
    },
  };
}
