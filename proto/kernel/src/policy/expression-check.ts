// What of an expression can be judged without a call: that it names only what calls have and functions that are taken here,
// that it is small enough, and that its comprehensions are nested no deeper than the cost of one call allows. It knows no
// types but for what is plainly no answer: a member that a call does not have is met by the call.

import type { parse } from "@bufbuild/cel";
import { limits } from "../limits.ts";
import type { Expr } from "./metering.ts";
import { patternProblem } from "./pattern.ts";
import { laterVariables, shownHeaders, variableTree } from "./variables.ts";

export type CheckedExpression =
  | {
      outcome: "checked";
      /** The variables that it names, as `call.model`, up to where what is behind one is for the call to say. */
      reads: readonly string[];
      features: readonly string[];
    }
  | { outcome: "refused"; message: string; offset: number };

const operators: readonly string[] = [
  ...["_&&_", "_||_", "!_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"],
  ...["_+_", "_-_", "_*_", "_/_", "_%_", "-_", "_[_]", "@in", "@not_strictly_false"],
];
const named: readonly string[] = [
  ...["size", "contains", "startsWith", "endsWith", "matches", "int", "uint", "double", "string", "bool"],
  ...["timestamp", "duration", "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"],
  ...["getHours", "getMinutes", "getSeconds", "getMilliseconds"],
];
const functions: ReadonlySet<string> = new Set([...operators, ...named]);
const macros = "has, all, exists, exists_one, filter, map";
/** Of these the value is neither true nor false. */
const noAnswers: ReadonlySet<string> = new Set([
  ...["_+_", "_-_", "_*_", "_/_", "_%_", "-_", "size", "int", "uint", "double", "string", "timestamp", "duration"],
]);

class Refused extends Error {
  readonly at: Expr;

  constructor(at: Expr, message: string) {
    super(message);
    this.at = at;
  }
}

export function expressionProblem({ expr, sourceInfo }: ReturnType<typeof parse>): CheckedExpression {
  const check = new Check();
  try {
    check.answer(expr);
    check.visit(expr, { depth: 0, loops: 0, locals: new Set() });
    return { outcome: "checked", reads: [...check.reads], features: [...check.features] };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { outcome: "refused", message: error.message, offset: sourceInfo?.positions[String(error.at.id)] ?? 0 };
  }
}

type Within = { readonly depth: number; readonly loops: number; readonly locals: ReadonlySet<string> };

class Check {
  readonly reads = new Set<string>();
  /** Which features a proxy has that knows all names. */
  readonly features = new Set<string>();
  private nodes = 0;

  answer(expr: Expr): void {
    const { exprKind: kind } = expr;
    const isNone =
      kind.case === "listExpr" ||
      kind.case === "structExpr" ||
      (kind.case === "callExpr" && noAnswers.has(kind.value.function)) ||
      (kind.case === "constExpr" && kind.value.constantKind.case !== "boolValue");
    if (isNone) throw new Refused(expr, "its value is neither true nor false");
  }

  visit(expr: Expr | undefined, within: Within): void {
    if (expr === undefined) return;
    if (++this.nodes > limits.policyMatchNodesMax)
      throw new Refused(expr, `it has more than ${limits.policyMatchNodesMax} parts`);
    if (within.depth > limits.policyMatchPartsDeepMax)
      throw new Refused(expr, `it is nested more than ${limits.policyMatchPartsDeepMax} deep`);
    const inside = { ...within, depth: within.depth + 1 };
    const { exprKind: kind } = expr;
    switch (kind.case) {
      case "constExpr":
        return;
      case "identExpr":
      case "selectExpr":
        return this.name(expr, inside);
      case "callExpr":
        return this.call(expr, kind.value, inside);
      case "listExpr":
        return kind.value.elements.forEach((element) => this.visit(element, inside));
      case "structExpr":
        return this.struct(expr, kind.value, inside);
      case "comprehensionExpr":
        return this.loop(expr, kind.value, inside);
      default:
        throw new Refused(expr, "it holds what is not known here");
    }
  }

  /** A variable with the members behind it, or a member of any other value. */
  private name(expr: Expr, within: Within): void {
    const path = pathOf(expr);
    if (path === undefined) {
      if (expr.exprKind.case === "selectExpr") this.visit(expr.exprKind.value.operand, within);
      return;
    }
    const [root = "", ...members] = path;
    if (within.locals.has(root)) return;
    let tree: (typeof variableTree)[string] | undefined = variableTree;
    let shown = "";
    for (const member of [root, ...members]) {
      if (tree === "open") break;
      if (tree === "value") throw new Refused(expr, `\`${shown}\` has no members`);
      const next: (typeof variableTree)[string] | undefined = Object.hasOwn(tree, member) ? tree[member] : undefined;
      if (next === undefined)
        throw new Refused(expr, `\`${shown}${member}\` does not exist; there are ${namesOf(tree, shown)}`);
      shown = shown === "" ? member : `${shown}${member}`;
      tree = next;
      if (typeof tree === "object") shown += ".";
    }
    if (typeof tree === "object")
      throw new Refused(expr, `\`${shown.slice(0, -1)}\` stands alone; name one of ${namesOf(tree, shown)}`);
    this.reads.add(shown);
    const feature = laterVariables[`${root}.${members[0] ?? ""}`];
    if (feature !== undefined) this.features.add(feature);
  }

  private call(expr: Expr, call: CallOf, within: Within): void {
    const { function: name, target, args } = call;
    if (!functions.has(name))
      throw new Refused(expr, `the function \`${name}\` is not known; there are ${named.join(", ")}, and ${macros}`);
    if (name === "matches") this.pattern(args.at(-1), expr);
    if (name === "_[_]") this.index(args[0], args[1]);
    this.visit(target, within);
    for (const arg of args) this.visit(arg, within);
  }

  /** One that a call brings would be compiled for the call, and could be of any size. */
  private pattern(arg: Expr | undefined, expr: Expr): void {
    const text = constantText(arg);
    const problem = text === undefined ? "is not written out as a text" : patternProblem(text);
    if (problem !== undefined) throw new Refused(arg ?? expr, `what \`matches\` looks for ${problem}`);
  }

  private index(of: Expr | undefined, by: Expr | undefined): void {
    const path = of && pathOf(of);
    const name = constantText(by);
    if (path?.join(".") !== "request.headers" || name === undefined || by === undefined) return;
    if (!shownHeaders.includes(name))
      throw new Refused(by, `the header \`${name}\` is not shown to policies; there are ${shownHeaders.join(", ")}`);
  }

  private struct(expr: Expr, { messageName, entries }: StructOf, within: Within): void {
    if (messageName !== "") throw new Refused(expr, `the type \`${messageName}\` is not known`);
    for (const { keyKind, value } of entries) {
      if (keyKind.case === "mapKey") this.visit(keyKind.value, within);
      this.visit(value, within);
    }
  }

  private loop(expr: Expr, loop: LoopOf, within: Within): void {
    const { iterVar, accuVar } = loop;
    if (Object.hasOwn(variableTree, iterVar))
      throw new Refused(expr, `\`${iterVar}\` is the name of a variable; take another for what is gone through`);
    if (within.loops >= limits.policyMatchLoopsDeepMax)
      throw new Refused(expr, `its macros go through values more than ${limits.policyMatchLoopsDeepMax} deep`);
    this.visit(loop.iterRange, within);
    const locals = new Set([...within.locals, iterVar, accuVar]);
    const inside = { depth: within.depth, loops: within.loops + 1, locals };
    for (const part of [loop.accuInit, loop.loopCondition, loop.loopStep, loop.result]) this.visit(part, inside);
  }
}

type ValueOf<Case> = Extract<Expr["exprKind"], { case: Case }>["value"];
type CallOf = ValueOf<"callExpr">;
type StructOf = ValueOf<"structExpr">;
type LoopOf = ValueOf<"comprehensionExpr">;

/** `call.tool` as its names; undefined where what is in front is no variable. */
function pathOf({ exprKind: kind }: Expr): string[] | undefined {
  if (kind.case === "identExpr") return [kind.value.name];
  if (kind.case !== "selectExpr" || kind.value.operand === undefined) return undefined;
  const before = pathOf(kind.value.operand);
  return before && [...before, kind.value.field];
}

function constantText(expr: Expr | undefined): string | undefined {
  const kind = expr?.exprKind;
  if (kind?.case !== "constExpr" || kind.value.constantKind.case !== "stringValue") return undefined;
  return kind.value.constantKind.value;
}

function namesOf(tree: object, before: string): string {
  return Object.keys(tree)
    .map((name) => `${before}${name}`)
    .join(", ");
}
