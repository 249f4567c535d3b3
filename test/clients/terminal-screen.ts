// What stands on a terminal's screen after a program has drawn on it: letters and the movements of the cursor, as far as programs
// use them that redraw only what has changed, so that what they print is no text by itself. Every letter is one cell wide, colours
// and modes are left out, and what has scrolled off the top is gone. What it does not know it skips.

const esc = "\u001b";
const bell = "\u0007";
/** A movement; a title or the like; what needs no more letters; a beginning of one of these; or a single letter. */
const piece = new RegExp(
  [
    `${esc}\\[([0-9;:?<>=]*)[ -/]*([@-~])`,
    `${esc}[\\]P_^][^${bell}${esc}]*(?:${bell}|${esc}\\\\)`,
    `${esc}[()*+#][ -~]`,
    `${esc}[^[\\]P_^()*+#]`,
    `(${esc}[^${bell}]*$)`,
    `([^${esc}])`,
  ].join("|"),
  "suy",
);

export class TerminalScreen {
  readonly #columns: number;
  readonly #rows: number;
  #cells: string[][];
  #row = 0;
  #column = 0;
  #saved: readonly [row: number, column: number] = [0, 0];
  /** What came of a movement whose rest has not come yet. */
  #begun = "";

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
    this.#cells = Array.from({ length: rows }, () => this.#blank());
  }

  draw(text: string): void {
    const all = this.#begun + text;
    this.#begun = "";
    piece.lastIndex = 0;
    for (let found = piece.exec(all); found !== null; found = piece.exec(all)) {
      const [whole, numbers = "", movement, begun, letter] = found;
      if (movement !== undefined) this.#move(movement, numbers);
      else if (begun !== undefined) this.#begun = begun;
      else if (letter !== undefined) this.#put(letter);
      else if (whole === `${esc}7`) this.#saved = [this.#row, this.#column];
      else if (whole === `${esc}8`) [this.#row, this.#column] = this.#saved;
      if (piece.lastIndex >= all.length) break;
    }
  }

  /** Without the blanks at the ends of lines. */
  lines(): string[] {
    return this.#cells.map((cells) => cells.join("").trimEnd());
  }

  #put(letter: string): void {
    if (letter === "\r") this.#column = 0;
    else if (letter === "\n") this.#feed();
    else if (letter === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (letter >= " ") {
      if (this.#column >= this.#columns) {
        this.#column = 0;
        this.#feed();
      }
      this.#line(this.#row)[this.#column] = letter;
      this.#column += 1;
    }
  }

  #feed(): void {
    if (this.#row < this.#rows - 1) this.#row += 1;
    else this.#cells = [...this.#cells.slice(1), this.#blank()];
  }

  #move(movement: string, numbers: string): void {
    const [first = Number.NaN, second = Number.NaN] = numbers.split(";").map((text) => Number.parseInt(text, 10));
    const count = Math.max(1, first || 1);
    const to = (row: number, column: number): void => {
      this.#row = Math.min(this.#rows - 1, Math.max(0, row));
      this.#column = Math.min(this.#columns - 1, Math.max(0, column));
    };
    const moves: Readonly<Record<string, () => void>> = {
      A: () => to(this.#row - count, this.#column),
      B: () => to(this.#row + count, this.#column),
      C: () => to(this.#row, this.#column + count),
      D: () => to(this.#row, this.#column - count),
      E: () => to(this.#row + count, 0),
      F: () => to(this.#row - count, 0),
      G: () => to(this.#row, count - 1),
      H: () => to(count - 1, (second || 1) - 1),
      d: () => to(count - 1, this.#column),
      J: () => this.#eraseScreen(first || 0),
      K: () => this.#eraseLine(first || 0),
      X: () => this.#line(this.#row).fill(" ", this.#column, this.#column + count),
    };
    moves[movement]?.();
  }

  /** 0: from the cursor on; 1: up to it; else all. */
  #eraseScreen(which: number): void {
    this.#eraseLine(which);
    const isErased = (row: number): boolean => (which === 0 ? row > this.#row : which !== 1 || row < this.#row);
    this.#cells = this.#cells.map((cells, row) => (isErased(row) ? this.#blank() : cells));
  }

  #eraseLine(which: number): void {
    const [from, end] = [which === 0 ? this.#column : 0, which === 1 ? this.#column + 1 : this.#columns];
    this.#line(this.#row).fill(" ", from, end);
  }

  #line(row: number): string[] {
    return this.#cells[row] ?? [];
  }

  #blank(): string[] {
    return Array.from({ length: this.#columns }, () => " ");
  }
}
