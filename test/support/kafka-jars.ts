// Provides the jars of a Kafka broker: fetched once by Maven, as kafka/pom.xml says, into a folder below `.cache/` that git
// ignores. What it needs and does not find (Java, Maven, a way to Maven Central) it reports in a sentence instead of
// failing, so that a suite can skip itself. It starts no broker.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

export type KafkaJars = { readonly classPath: string } | { readonly missing: string };

const javaVersionMin = 17;
const fetchMsMax = 300_000;

let found: Promise<KafkaJars> | undefined;

/** Looks, and fetches, at most once in a process. */
export function kafkaJars(): Promise<KafkaJars> {
  found ??= find();
  return found;
}

async function find(): Promise<KafkaJars> {
  const java = await run("java", ["-version"]).catch(() => undefined);
  // Java reports its version on the error output: `openjdk version "17.0.17" …`, and 8 called itself "1.8".
  const version = Number(/version "(\d+)/.exec(java?.stderr ?? "")?.[1] ?? 0);
  if (version < javaVersionMin) return { missing: `Kafka needs Java ${javaVersionMin}, and this machine has none` };
  const root = repositoryRoot();
  const pom = join(root, "test", "support", "kafka", "pom.xml");
  const kafkaVersion = /<artifactId>kafka_[^<]*<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(pom, "utf8"))?.[1];
  if (kafkaVersion === undefined) throw new Error(`${pom} names no version of Kafka`);
  const folder = join(root, ".cache", `kafka-${kafkaVersion}`);
  if (!existsSync(folder)) {
    const failure = await fetchInto(folder, pom);
    if (failure !== undefined) return { missing: failure };
  }
  const jars = (await readdir(folder)).filter((name) => name.endsWith(".jar"));
  if (jars.length === 0) throw new Error(`${folder} holds no jars; delete it`);
  return { classPath: join(folder, "*") };
}

/** Returns why it could not. The folder appears whole or not at all, also when several workers fetch at once. */
async function fetchInto(folder: string, pom: string): Promise<string | undefined> {
  const maven = await run("mvn", ["-v"]).catch(() => undefined);
  if (maven === undefined) return "Kafka's jars are fetched by Maven, and this machine has none";
  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}-`);
  const goals = ["-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime"];
  try {
    await run("mvn", [...goals, `-DoutputDirectory=${unfinished}`]);
    await rename(unfinished, folder);
    return undefined;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (existsSync(folder)) return undefined;
    const said = error instanceof Error && "stdout" in error ? String(error.stdout) : String(error);
    return `Maven could not fetch Kafka: ${/^.*ERROR.*$/m.exec(said)?.[0] ?? said.slice(0, 200)}`;
  }
}

/** With the whole environment: how Maven reaches its repository on this machine (proxy, settings) is not ours to know. */
function run(command: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(command, args, { timeout: fetchMsMax });
}

/** This file also runs compiled, from another depth of the tree. */
function repositoryRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package-lock.json"))) {
    if (dirname(folder) === folder) throw new Error("no package-lock.json above the tests");
    folder = dirname(folder);
  }
  return folder;
}
