// What an expression of CEL may cost, however large the values are that it is asked about. Each function that it calls is
// charged by what it is given, and each turn of a comprehension, which the library runs without asking anybody, is charged
// by a call that is put into the expression for it. Who has used up what there is fails; nothing goes on half decided.

import { celEnv, celFunc, CelScalar, isCelList, isCelMap, type CelEnv, type parse } from "@bufbuild/cel";
import { limits } from "../limits.ts";
import { patternOf } from "./pattern.ts";

export type Expr = ReturnType<typeof parse>["expr"];

export class Exhausted extends Error {}

/** Evaluations do not wait for anything, so one at a time is under way. */
let left = 0;

/** Gives an evaluation its whole allowance; answers what it used. Throws `Exhausted`, also where the library went on. */
export function metered<T>(evaluate: () => T): { result: T; cost: number } {
  left = limits.policyCostMax;
  const result = evaluate();
  if (left < 0) throw new Exhausted(`it costs more than ${limits.policyCostMax}`);
  return { result, cost: limits.policyCostMax - left };
}

function charge(cost: number): void {
  left -= cost;
  if (left < 0) throw new Exhausted(`it costs more than ${limits.policyCostMax}`);
}

const charsPerUnit = 32;
/** These look at no more of what they are given than its outside. */
const constant: ReadonlySet<string> = new Set(["size", "!_", "_?_:_"]);

/** What a function looks at: each value is a unit, and so is each piece of a text. */
function measure(value: unknown): void {
  charge(1);
  if (typeof value === "string") charge(value.length / charsPerUnit);
  else if (isCelList(value)) for (const element of value) measure(element);
  else if (isCelMap(value))
    for (const [key, member] of value) {
      measure(key);
      measure(member);
    }
}

const { BOOL, DOUBLE, DYN, INT, UINT } = CelScalar;

const ticking = "@tick";
const ranging = "@range";

type Compare = (a: bigint | number, b: bigint | number) => boolean;

const comparisons: Readonly<Record<string, Compare>> = {
  "_<_": (a, b) => a < b,
  "_<=_": (a, b) => a <= b,
  "_>_": (a, b) => a > b,
  "_>=_": (a, b) => a >= b,
};

/** The library rounds an integer that it compares with a double. */
const exactComparisons = Object.entries(comparisons).flatMap(([name, compare]) => [
  celFunc(name, [INT, DOUBLE], BOOL, compare),
  celFunc(name, [DOUBLE, INT], BOOL, compare),
  celFunc(name, [UINT, DOUBLE], BOOL, (a, b) => compare(a.value, b)),
  celFunc(name, [DOUBLE, UINT], BOOL, (a, b) => compare(a, b.value)),
]);

function exactDouble(integer: bigint): number {
  const double = Number(integer);
  if (BigInt(double) !== integer) throw new Error(`${integer} cannot be held exactly as a double`);
  return double;
}

const plain = celEnv({
  re2: { compile: (text) => patternOf(text) },
  funcs: [
    ...exactComparisons,
    celFunc("double", [INT], DOUBLE, exactDouble),
    celFunc("double", [UINT], DOUBLE, ({ value }) => exactDouble(value)),
    celFunc(ticking, [DYN], DYN, (value) => value),
    celFunc(ranging, [DYN], DYN, (value) => value),
  ],
});

type Funcs = CelEnv["funcs"];

/** The library's functions, each with its price before it. */
const funcs: Funcs = new Proxy(plain.funcs, {
  get(target, name, receiver) {
    if (name === "find") return (of: string) => meteredGroup(target.find(of), of);
    return Reflect.get(target, name, receiver) as unknown;
  },
});

function meteredGroup(group: ReturnType<Funcs["find"]>, name: string): ReturnType<Funcs["find"]> {
  if (group === undefined) return undefined;
  const isConstant = constant.has(name) || name === ticking;
  return {
    name: group.name,
    [Symbol.iterator]: () => group[Symbol.iterator](),
    call(id, target, args) {
      if (name === ranging) charge(sizeOf(args[0]));
      else if (isConstant) charge(1);
      else for (const value of target === undefined ? args : [target, ...args]) measure(value);
      return group.call(id, target, args);
    },
  };
}

function sizeOf(value: unknown): number {
  return isCelList(value) || isCelMap(value) ? value.size : 1;
}

export const environment: CelEnv = new Proxy(plain, {
  get: (target, name) => (name === "funcs" ? funcs : (Reflect.get(target, name, target) as unknown)),
});

/** The expression with a charge for each turn of its comprehensions, and for what they go through. */
export function withCharges(expr: Expr): Expr {
  const { exprKind: kind } = expr;
  const inside = (part: Expr | undefined): Expr | undefined => part && withCharges(part);
  switch (kind.case) {
    case "selectExpr": {
      const operand = inside(kind.value.operand);
      return { ...expr, exprKind: { ...kind, value: operand === undefined ? kind.value : { ...kind.value, operand } } };
    }
    case "callExpr": {
      const target = inside(kind.value.target);
      const value = { ...kind.value, args: kind.value.args.map(withCharges) };
      return { ...expr, exprKind: { ...kind, value: target === undefined ? value : { ...value, target } } };
    }
    case "listExpr":
      return {
        ...expr,
        exprKind: { ...kind, value: { ...kind.value, elements: kind.value.elements.map(withCharges) } },
      };
    case "structExpr": {
      const entries = kind.value.entries.map((entry) => chargedEntry(entry));
      return { ...expr, exprKind: { ...kind, value: { ...kind.value, entries } } };
    }
    case "comprehensionExpr": {
      const value = { ...kind.value };
      if (value.iterRange) value.iterRange = calling(ranging, withCharges(value.iterRange));
      if (value.loopCondition) value.loopCondition = calling(ticking, withCharges(value.loopCondition));
      if (value.accuInit) value.accuInit = withCharges(value.accuInit);
      if (value.loopStep) value.loopStep = withCharges(value.loopStep);
      if (value.result) value.result = withCharges(value.result);
      return { ...expr, exprKind: { ...kind, value } };
    }
    default:
      return expr;
  }
}

type Entry = Extract<Expr["exprKind"], { case: "structExpr" }>["value"]["entries"][number];

function chargedEntry(entry: Entry): Entry {
  const charged = { ...entry };
  if (charged.value) charged.value = withCharges(charged.value);
  if (charged.keyKind.case === "mapKey")
    charged.keyKind = { case: "mapKey", value: withCharges(charged.keyKind.value) };
  return charged;
}

function calling(name: string, arg: Expr): Expr {
  const value = { $typeName: "cel.expr.Expr.Call", function: name, args: [arg] } as const;
  return { ...arg, exprKind: { case: "callExpr", value: { ...value, args: [arg] } } };
}
