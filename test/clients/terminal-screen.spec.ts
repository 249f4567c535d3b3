// The screen that tests read Claude Code's terminal from. Were it wrong, a warning that a person sees would not be found, or one
// that was wiped away would be.
import { expect, test } from "vitest";
import { TerminalScreen } from "./terminal-screen.ts";

const drawn = (...texts: string[]): string[] => {
  const screen = new TerminalScreen(12, 3);
  for (const text of texts) screen.draw(text);
  return screen.lines();
};

test.each([
  ["lines", "one\r\ntwo", ["one", "two", ""]],
  ["colours and titles", "\u001b]0;title\u0007\u001b[1;31mred\u001b[0m\u001b(B", ["red", "", ""]],
  ["what is drawn over, but for what is skipped", "100.0\r\u001b[2;1H\u001b[AX\u001b[3C9", ["X00.9", "", ""]],
  ["a jump by row and column", "\u001b[2;3Hhere\u001b[Htop\u001b[3Gp!", ["top!", "  here", ""]],
  ["what is wiped: to the end of a line", "a line\u001b[3D\u001b[K", ["a l", "", ""]],
  ["what is wiped: all", "a\r\nb\u001b[2J", ["", "", ""]],
  ["what is wiped: below", "a\r\nb\r\nc\u001b[1;2H\u001b[J", ["a", "", ""]],
  ["a line that is full", "twelve cells and", ["twelve cells", " and", ""]],
  ["what scrolls", "1\r\n2\r\n3\r\n4", ["2", "3", "4"]],
  ["a place that is kept", "\u001b7ab\r\n\u001b8X\u001b[?25l", ["Xb", "", ""]],
])("%s", (_, text, lines) => {
  expect(drawn(text)).toEqual(lines);
  // However it is cut on its way.
  expect(drawn(...text)).toEqual(lines);
});
