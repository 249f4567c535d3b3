// Writes the page of error codes from the registry, for people who meet a code in an answer or a log. It decides nothing:
// texts and mappings are the registry's.

/** `errors`: code -> entry; `shapes`: class -> what each door makes of it. */
export function errorsPage(errors, shapes) {
  const codes = Object.keys(errors);
  const areas = [...new Set(codes.map(areaOf))];
  return [
    "# Error codes",
    "",
    "Generated from `proto/kernel/src/errors.ts` by `npm run generate`; change it there.",
    "",
    "Every error that leaves a process of Tollgate carries one of these codes. What the caller reads is the text below, at",
    "times followed by a detail; the class decides how it looks in each protocol.",
    "",
    "## Classes",
    "",
    "| class | HTTP | JSON-RPC | gRPC | GraphQL | Anthropic | OpenAI |",
    "|---|---|---|---|---|---|---|",
    ...Object.entries(shapes).map(([name, shape]) => row([name, ...shapeCells(shape)])),
    ...areas.flatMap((area) => ["", `## ${area}`, ...codes.filter((code) => areaOf(code) === area).flatMap(section)]),
    "",
  ].join("\n");

  function section(code) {
    const { class: name, text, help, jsonRpc, http = shapes[name].http, doors = {} } = errors[code];
    const codeInRpc = jsonRpc === undefined ? "" : `, JSON-RPC ${jsonRpc}`;
    const atDoors = Object.entries(doors).map(([door, own]) => `; ${door}: ${Object.values(own).join(" ")}`);
    return ["", `### \`${code}\``, "", `${text} (${name}, HTTP ${http}${codeInRpc}${atDoors.join("")})`, "", help];
  }
}

function shapeCells({ http, jsonRpc, grpc, graphql, anthropic, openai }) {
  return [http, jsonRpc, grpc, `\`${graphql}\``, `\`${anthropic}\``, `\`${openai}\``];
}

function row(cells) {
  return `| ${cells.join(" | ")} |`;
}

function areaOf(code) {
  return code.split(".")[0];
}
