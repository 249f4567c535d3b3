// Which code may know which, as arrows. Each rule's comment names the invariant of ARCHITECTURE.md that it holds. It must
// parse with swc: without it, and with TypeScript 7 only, no `.ts` file is seen and everything passes, which is why
// `infra/lint/lint.spec.ts` plants a violation of each rule. A package that is not built yet is matched by its name.

/** A part of the repository, by its sources, its build, and the name under which others import it. */
const parts = {
  schema: "^(proto/schema/|@tollgate/schema)",
  kernel: "^(proto/kernel/|@tollgate/kernel)",
  controlPlane: "^(control-plane/|@tollgate/(api|console|cli))",
  dataPlane: "^(data-plane/|@tollgate/(proxy|sandbox))",
  infra: "^(infra/|@tollgate/local)",
  test: "^(test/|@tollgate/test)",
};
const any = (...names) => names.map((name) => parts[name]);

/** Specs and what only they use: they may start databases and clocks, and take what `test/support` offers. */
const specs = "[.](spec|contract|fixture)[.]ts$|/fixtures/";

const error = (name, comment, from, to) => ({ name, severity: "error", comment, from, to });

module.exports = {
  forbidden: [
    error(
      "planes-apart",
      "Invariant 1: the control plane and the data plane never import each other; what both need is in proto/.",
      { path: parts.controlPlane },
      { path: parts.dataPlane },
    ),
    error(
      "planes-apart-reverse",
      "Invariant 1: the data plane never imports the control plane; what both need is in proto/.",
      { path: parts.dataPlane },
      { path: parts.controlPlane },
    ),
    error(
      "kernel-imports-schema-only",
      "Invariant 1: the kernel gives meaning to the schema's words and knows nothing else of ours.",
      { path: parts.kernel, pathNot: specs },
      { path: any("controlPlane", "dataPlane", "infra", "test") },
    ),
    error(
      "kernel-pure",
      "Invariant 1: the kernel imports no node:* module, so that it decides the same everywhere.",
      { path: parts.kernel, pathNot: specs },
      { dependencyTypes: ["core"] },
    ),
    error(
      "schema-imports-nothing",
      "Invariant 1: the schema is words; it imports nothing of ours.",
      { path: parts.schema },
      { path: any("kernel", "controlPlane", "dataPlane", "infra", "test") },
    ),
    error(
      "product-without-infra",
      "Invariant 1: infra/ and test/ know the product, never the other way round. Specs may use test/support.",
      { path: any("controlPlane", "dataPlane"), pathNot: specs },
      { path: any("infra", "test") },
    ),
    error(
      "infra-without-product",
      "Invariant 1: infra/ starts the planes as processes and imports no code of theirs.",
      { path: parts.infra, pathNot: specs },
      { path: any("controlPlane", "dataPlane", "test") },
    ),
    error(
      "kafkajs-in-one-file",
      "Invariant 2: order at the broker is made in one file of each plane, `kafka.ts`; nobody else speaks to Kafka.",
      { pathNot: ["^(control-plane/api|data-plane/proxy)/src/kafka[.]ts$", "^test/", specs] },
      { path: "(^|node_modules/)kafkajs(/|$)" },
    ),
    error(
      "x509-in-one-file",
      "Invariant 17: what a certificate says is decided in one file, `x509.ts`; the data plane needs no such library.",
      { pathNot: "^control-plane/api/src/enrolment/x509[.]ts$" },
      { path: "(^|node_modules/)@peculiar/x509(/|$)" },
    ),
    error(
      "typeorm-in-control-plane",
      "Invariant 1: only the control plane reads and writes rows through TypeORM.",
      { pathNot: "^control-plane/api/" },
      { path: "(^|node_modules/)typeorm(/|$)" },
    ),
    error(
      "no-database-in-data-plane",
      "Invariant 1: a proxy keeps nothing that another could not rebuild; it has no database.",
      { path: parts.dataPlane },
      { path: "(^|node_modules/)(pg|typeorm)(/|$)" },
    ),
    error(
      "no-test-code-in-product",
      "Invariant 16: specs and fixtures are imported by specs only.",
      { pathNot: [specs, "^test/"] },
      { path: specs },
    ),
    error(
      "no-circles",
      "Invariant 16: arrows point one way; two files that need each other are one concept, or lack a third.",
      {},
      // Two types may name each other: at run time nothing is left of it.
      { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    ),
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: ["node_modules", "/dist/"] },
    exclude: { path: ["/dist/", "node_modules/[.]"] },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "types", "default"] },
  },
};
