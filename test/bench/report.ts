// How figures leave a benchmark: a JSON line each, so that machines can compare and people can read.

export interface Figure {
  readonly bench: string;
  readonly subject: string;
  readonly value: number;
  readonly unit: string;
}

export function report(figure: Figure): void {
  console.log(JSON.stringify({ ...figure, value: Number(figure.value.toPrecision(4)) }));
}
