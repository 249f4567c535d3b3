// The invariants of ARCHITECTURE.md, and what decisions forbid, that a reader of one file's syntax can hold and for which no
// linter has a rule. Each rule looks at one node of the tree that swc gives and says what is wrong; the message names where it
// stands. It knows no types and follows no imports: a value renamed on its way gets past it. TypeScript only; scripts (`.mjs`)
// read their own environment.
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { parseSync } from "@swc/core";

const folders = ["proto", "control-plane", "data-plane", "infra", "test"];
const skipped = /(^|\/)(node_modules|dist|gen|fixtures)(\/|$)/;
const isSpec = (path) => /\.(spec|contract|fixture)\.ts$/.test(path);
const isMember = (node, object, property) =>
  node.type === "MemberExpression" && nameOf(node.object) === object && propertyOf(node) === property;

const requestPath = /^data-plane\/proxy\/src\/(http|mcp|pipeline)\//;
const impureGlobals = new Set([
  "crypto",
  "performance",
  "process",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "fetch",
]);

/** `where` picks files by their path from the root; `finds` says whether a node breaks the rule. */
const rules = [
  {
    name: "environment-in-config-only",
    message:
      "Invariant 15: a process reads its environment in one file, config.ts, where each setting has a default and a unit.",
    where: (path) => !isSpec(path) && basename(path) !== "config.ts" && path !== "test/support/environment.ts",
    finds: (node) =>
      isMember(node, "process", "env") ||
      (node.type === "VariableDeclarator" && nameOf(node.init) === "process" && hasKey(node.id, "env")) ||
      (node.type === "ImportDeclaration" && /^(node:)?process$/.test(node.source.value)),
  },
  {
    name: "kernel-without-clock",
    message: "Invariant 1: the kernel reads no clock, no randomness and nothing of its process; pass them in.",
    where: (path) => path.startsWith("proto/kernel/src/") && !isSpec(path),
    finds: (node) =>
      isMember(node, "Date", "now") ||
      isMember(node, "Math", "random") ||
      (node.type === "NewExpression" && nameOf(node.callee) === "Date" && !node.arguments?.length) ||
      (node.type === "MemberExpression" && impureGlobals.has(nameOf(node.object))) ||
      (node.type === "CallExpression" && impureGlobals.has(nameOf(node.callee))),
  },
  {
    name: "view-read-once",
    message: "Invariant 4: a request reads the replica once, in pipeline/authenticate.ts; pass its view on.",
    where: (path) => requestPath.test(path) && !isSpec(path) && !path.endsWith("/pipeline/authenticate.ts"),
    finds: (node) =>
      node.type === "CallExpression" && node.callee.type === "MemberExpression" && propertyOf(node.callee) === "view",
  },
  {
    name: "no-closure-assigned",
    message:
      "ADR 0032: the engine puts a function that is written behind `a.b =` into its old generation, and a call that it knows stays there; keep what it needs, or put the function into a `const` first.",
    where: (path) => /^(data-plane\/proxy|proto\/kernel)\/src\//.test(path) && !isSpec(path),
    finds: (node) =>
      /^Assignment(Expression|Pattern)$/.test(node.type) &&
      /^(Member|SuperProp)Expression$/.test(bare(node.left).type) &&
      /^(Arrow)?FunctionExpression$/.test(bare(node.right).type),
  },
  {
    name: "no-barrel",
    message: "Invariant 16: `export *` hides where a name comes from; name what is exported.",
    where: () => true,
    finds: (node) => node.type === "ExportAllDeclaration",
  },
  {
    name: "decorators-in-control-plane",
    message: "Invariant 16: decorators are for control-plane/api; elsewhere TypeScript is erasable and runs as it is.",
    where: (path) => !path.startsWith("control-plane/api/"),
    finds: (node) => Array.isArray(node.decorators) && node.decorators.length > 0,
  },
];

/** Lines of the form `path:line: rule: message`. */
export function findBreaches(root) {
  return sourcesOf(root).flatMap((path) => {
    const text = readFileSync(join(root, path), "utf8");
    return [...breachesOfNames(path), ...breachesOfText(path, text), ...breachesOfTree(path, text)];
  });
}

const drawers = new Set(["utils", "util", "helpers", "helper", "common", "shared", "misc"]);

function breachesOfNames(path) {
  const isDrawer = path.split("/").some((part) => drawers.has(part.replace(/\..*$/, "")));
  return isDrawer ? [`${path}:1: no-drawers: Name the concept; such a drawer collects what nobody looks for.`] : [];
}

function breachesOfText(path, text) {
  if (text.startsWith("//")) return [];
  return [
    `${path}:1: says-what-it-is-for: A file opens with a comment: its purpose, its promise, what it does not do.`,
  ];
}

function breachesOfTree(path, text) {
  const applying = rules.filter((rule) => rule.where(path));
  const bytes = Buffer.from(text);
  const found = new Set();
  visit(parse(path, text).body, 1);
  return [...found];

  function visit(node, parentStart) {
    if (Array.isArray(node)) return node.forEach((child) => visit(child, parentStart));
    if (typeof node !== "object" || node === null) return;
    // Offsets count bytes and begin at 1; a node without a place of its own has its parent's.
    const start = node.span?.start || parentStart;
    if (typeof node.type === "string")
      for (const { name, message, finds } of applying)
        if (finds(node)) found.add(`${path}:${lineAt(bytes, start - 1)}: ${name}: ${message}`);
    for (const child of Object.values(node)) visit(child, start);
  }
}

function parse(path, text) {
  return parseSync(text, { syntax: "typescript", decorators: true, tsx: path.endsWith(".tsx"), target: "esnext" });
}

function lineAt(bytes, offset) {
  let line = 1;
  for (let index = 0; index < offset && index < bytes.length; index++) if (bytes[index] === 10) line++;
  return line;
}

function sourcesOf(root) {
  return folders.flatMap((folder) => filesBelow(root, folder));
}

function filesBelow(root, folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (skipped.test(path)) return [];
    if (entry.isDirectory()) return filesBelow(root, path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

/** Without what is gone when it runs: brackets around it, and what says its type. */
function bare(node) {
  return /^(Parenthesis|Ts)/.test(node.type) && node.expression ? bare(node.expression) : node;
}

function nameOf(node) {
  return node?.type === "Identifier" ? node.value : undefined;
}

/** The property's name, written with a dot or as a string in brackets. */
function propertyOf({ property }) {
  if (property.type === "Identifier") return property.value;
  return property.type === "Computed" ? property.expression.value : undefined;
}

function hasKey(pattern, key) {
  return pattern.type === "ObjectPattern" && pattern.properties.some((property) => nameOf(property.key) === key);
}
