// Teaches the visitor of @swc/core, which dependency-cruiser uses to find imports, the `using` declarations of our tests
// and scopes: its last version predates them and stops at the first. Loaded before dependency-cruiser (`node --import`).
// It can go as soon as dependency-cruiser reads a file with `await using` by itself; the lint's spec has one.
import swc from "@swc/core/Visitor.js";

const Visitor = swc.Visitor ?? swc.default ?? swc;
const { visitStatement } = Visitor.prototype;

Visitor.prototype.visitStatement = function visit(statement) {
  if (statement.type !== "UsingDeclaration") return visitStatement.call(this, statement);
  statement.decls = this.visitVariableDeclarators(statement.decls);
  return statement;
};
