// Node gives some of its globals by accessors, and the engine calls an accessor each time the name is read, in the fastest of
// its code too: 15 ns where a value is a constant, and several times that in code that no cache holds.

const readForEachCall = ["Buffer", "performance", "process"] as const;

/** What the names mean stays the same. */
export function makeGlobalsValues(): void {
  for (const name of readForEachCall) {
    const value: unknown = globalThis[name];
    const enumerable = Object.prototype.propertyIsEnumerable.call(globalThis, name);
    // Taken away first: to the engine a name that was an accessor is a variable from then on, and a new one is a constant.
    Reflect.deleteProperty(globalThis, name);
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable });
  }
}
