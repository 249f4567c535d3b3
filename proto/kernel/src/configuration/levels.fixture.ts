// Files that must be refused for what they say of customers, users and labels, marked as those of `configuration.fixture.ts`.

import { key } from "./configuration.fixture.ts";

export const refusedOfLevels: [what: string, text: string, message: string][] = [
  [
    "a team of no customer",
    "version: 1\ncustomers: [{ name: acme }]\nteams: [{ name: a, customer: ⟨⟩acne }]\n",
    "`teams[0].customer` names no customer of this file; the nearest is `acme`.",
  ],
  [
    "a user of no customer",
    "version: 1\nusers: [{ name: a, customer: ⟨⟩acme }]\n",
    "`users[0].customer` names no customer of this file.",
  ],
  ["a key of no user", key("user: ⟨⟩bob"), "`keys[0].user` names no user of this file."],
  [
    "a customer's pattern that is none",
    "version: 1\ncustomers: [{ name: acme, tools: [⟨⟩files] }]\n",
    "`customers[0].tools[0]` is not of the form server/tool.",
  ],
  [
    "a label whose name is none",
    key("labels: { ⟨⟩Project: [a] }"),
    "`keys[0].labels` has a label whose name is not a name: 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit.",
  ],
  [
    "a label's value that is none",
    key('labels: { project: [a, ⟨⟩"b,c"] }'),
    "`keys[0].labels.project[1]` is not 1 to 64 letters, digits and . _ : / @ + -, with * for any of them.",
  ],
  ["a label without values", key("labels: { project: ⟨⟩[] }"), "`keys[0].labels.project` permits no value."],
];
