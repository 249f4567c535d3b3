// Which tools of a request the provider runs itself: the model then reads their results, which are in no body. All others are
// run by the client, which sends their results with its next request. Types carry a date behind their name at one provider.

const serverTools = [
  "web_search",
  "web_fetch",
  "code_execution",
  "file_search",
  "code_interpreter",
  "mcp",
  "image_generation",
  "advisor",
];

export function isServerTool(type: string): boolean {
  return serverTools.some((name) => type.startsWith(name));
}
