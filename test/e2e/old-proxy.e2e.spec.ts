// The planes are upgraded one after the other: for a time proxies of a former version stand beside this control plane, or the
// other way round. What a proxy does not know, a kind or a feature that a resource requires, refuses in its own scope and
// nothing beside it. Otherwise the first use of a new feature closes the gate for everybody, or, worse, a proxy that was not
// upgraded yet lets through what it was told to refuse.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { create, type Message } from "@bufbuild/protobuf";
import { openDatabase } from "@tollgate/api/database";
import { newKeyText } from "@tollgate/api/keys/key-text";
import { budgetThresholdDecider } from "@tollgate/api/ledger/budget-threshold.decider";
import { writeOffDecider } from "@tollgate/api/ledger/write-off.decider";
import { handle, handleAll } from "@tollgate/api/log/handle";
import { accept, type Decider } from "@tollgate/kernel/decider";
import { scopeOf } from "@tollgate/kernel/ids";
import { KeyIssuedSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { AdminClient } from "../support/admin-client.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { buildFormer, formerWholeVersion, versionBefore } from "../support/former-version.ts";
import {
  callTool,
  createTeam,
  issueKey,
  readCalls,
  readFleet,
  readNackedScopes,
  registerServer,
  revokeKey,
} from "../support/operations.ts";
import { createPolicy, retirePolicy } from "../support/policy-operations.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Member } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const beforeEnvironments = await versionBefore("control-plane/api/src/environments/environment.decider.ts");
const beforePolicies = await versionBefore("control-plane/api/src/policies/policy.decider.ts");
const formers = {
  "environments and the log's hash": beforeEnvironments,
  "the newest migration": await formerWholeVersion(),
};
const tool = "example__echo";
const lacked = { code: "fleet.cannot-enforce" };

describeWith(beforeEnvironments.availability, "a proxy from before environments beside this control plane", () => {
  test("refuses what it does not know in its own scope, and serves and revokes all the rest", async () => {
    await using resources = new AsyncDisposableStack();
    const database = resources.use(await createDatabase("old proxy"));
    const { root } = resources.use(await buildFormer(beforeEnvironments.commit, "data-plane/proxy"));
    const upstream = resources.use(await startExampleMcp());
    const env = { TOLLGATE_JOIN_TOKEN_USES_MAX: "3" };
    const stack = resources.use(await startStack({ databaseUrl: database.url, env }));
    const { admin } = stack;
    const old = await stack.addProxy(join(stack.dir, "old"), root);
    await old.start();
    const [present, fleet] = [stack.proxy(), [old, stack.proxy()]];
    await registerServer(admin, { name: "example", url: upstream.url });
    const { id: teamId } = await createTeam(admin, "platform");
    const staying = await issueKey(admin, { name: "staying", teamId });
    const leaving = await issueKey(admin, { name: "leaving", teamId });
    for (const key of [staying, leaving]) await reaches(fleet, key);
    await until(async () => (await readFleet(admin)).length === fleet.length, { what: "both to have reported" });
    await tellOfTheLedger(database.url);
    // It has applied what came before it, too.
    await reaches(fleet, await issueKey(admin, { name: "after-what-the-ledger-tells", teamId }));
    await refuse(fleet, []);

    const lacking = expect.stringMatching(new RegExp(`${(await replicaOf(old)).proxyId}.*EnvironmentSet`));
    await expect(setEnvironment(admin)).rejects.toMatchObject({ errors: [{ extensions: lacked, message: lacking }] });
    const forcing = new AdminClient(stack.control.url, stack.adminToken, { "x-tollgate-force": "true" });
    const environment = scopeOf("environment", await setEnvironment(forcing));
    await refuse([old], [environment]);
    await until(async () => (await replicaOf(present)).kinds["environment"]?.resources === 1, {
      what: "the proxy of this version to hold the environment",
    });
    await serve(fleet, [staying, leaving]);
    await reaches(fleet, await issueKey(admin, { name: "after-the-environment", teamId }));

    const needing = await issueNeeding("a-feature-of-tomorrow", { databaseUrl: database.url, teamId });
    const scope = scopeOf("key", needing.id);
    await refuse([old], [environment, scope]);
    await refuse([present], [scope]);
    for (const { url } of fleet)
      expect((await callTool(url, needing.secret, tool)).body).toContain("auth.scope-refused");
    await serve(fleet, [staying, leaving]);
    await until(async () => (await readNackedScopes(admin)).includes(scope), { what: "the refusal to be reported" });

    // What the first met as events comes to this one as a snapshot.
    const late = await stack.addProxy(join(stack.dir, "late"), root);
    await late.start();
    const all = [...fleet, late];
    await refuse([late], [environment, scope]);
    expect((await replicaOf(late)).refusedScopes[environment]).toContain("the kind environment is not known");
    await serve([late], [staying, leaving]);

    for (const { id } of [leaving, needing]) await revokeKey(admin, id);
    for (const key of [leaving, needing]) await isUnknown(all, key);
    // Nothing has to be enforced of what has left.
    await refuse([old, late], [environment]);
    await refuse([present], []);
    await serve(all, [staying]);

    // Of this version, on the cache of the old one, it enforces what that one refused.
    await old.stop();
    const rolled = await stack.addProxy(old.dataDir);
    await rolled.start();
    await refuse([rolled], []);
    expect((await replicaOf(rolled)).kinds["environment"]?.resources).toBe(1);
    await serve([rolled], [staying]);
  }, 60_000);
});

describeWith(beforePolicies.availability, "a proxy from before policies beside this control plane", () => {
  test("holds one up that it would not enforce; forced, it refuses what that covers, and is told nothing from then on", async () => {
    await using resources = new AsyncDisposableStack();
    const database = resources.use(await createDatabase("proxy before policies"));
    const { root } = resources.use(await buildFormer(beforePolicies.commit, "data-plane/proxy"));
    const [one, two] = [resources.use(await startExampleMcp()), resources.use(await startExampleMcp())];
    const env = { TOLLGATE_JOIN_TOKEN_USES_MAX: "3" };
    const stack = resources.use(await startStack({ databaseUrl: database.url, env }));
    const { admin } = stack;
    const old = await stack.addProxy(join(stack.dir, "old"), root);
    await old.start();
    const covered = await registerServer(admin, { name: "example", url: one.url });
    await registerServer(admin, { name: "other", url: two.url });
    const { id: teamId } = await createTeam(admin, "platform");
    const key = await issueKey(admin, { name: "staying", teamId });
    await reaches([old, stack.proxy()], key);
    await until(async () => (await callTool(old.url, key.secret, "other__echo")).hasResult, {
      what: "the other server",
    });
    await until(async () => (await readFleet(admin)).length === 2, { what: "both to have reported" });

    const everywhere = { match: "call.tool == 'nothing'", deny: {} };
    const here = { ...everywhere, covers: { serverIds: [covered.id] } };
    const forcing = new AdminClient(stack.control.url, stack.adminToken, { "x-tollgate-force": "true" });
    const held = { errors: [{ extensions: lacked }] };
    await expect(createPolicy(admin, "held-up", here)).rejects.toMatchObject(held);
    await expect(createPolicy(forcing, "not-to-be-forced", everywhere)).rejects.toMatchObject(held);

    const policy = await createPolicy(forcing, "forced", here);
    await until(async () => !(await callTool(old.url, key.secret, tool)).hasResult, {
      what: "what it covers to refuse",
    });
    expect((await callTool(old.url, key.secret, "other__echo")).hasResult).toBe(true);
    await serve([stack.proxy()], [key]);

    // From a snapshot it could not know what to refuse.
    const late = await stack.addProxy(join(stack.dir, "late"), root);
    await late.start({ isReady: false });
    await until(() => late.log().includes("too old to know of any"), { what: "the snapshot to be refused" });
    expect((await callTool(late.url, key.secret, "other__echo")).hasResult).toBe(false);
    await retirePolicy(admin, policy.id);
    await until(async () => (await callTool(late.url, key.secret, tool)).hasResult, {
      what: "the late one to be ready",
    });
  }, 150_000);
});

for (const [what, { availability, commit }] of Object.entries(formers))
  describeWith(availability, `a proxy of this version beside a control plane from before ${what}`, () => {
    test("joins it, serves, follows a revocation, and its facts arrive", () => joins(commit), 60_000);
  });

async function joins(commit: string): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const database = resources.use(await createDatabase("former control plane"));
  const { root } = resources.use(await buildFormer(commit, "control-plane/api"));
  const upstream = resources.use(await startExampleMcp());
  const stack = resources.use(await startStack({ databaseUrl: database.url, controlRoot: root }));
  const { admin, proxies } = stack;
  await registerServer(admin, { name: "example", url: upstream.url });
  const { id: teamId } = await createTeam(admin, "platform");
  const staying = await issueKey(admin, { name: "staying", teamId });
  const leaving = await issueKey(admin, { name: "leaving", teamId });
  for (const key of [staying, leaving]) await reaches(proxies, key);
  await revokeKey(admin, leaving.id);
  await isUnknown(proxies, leaving);
  await refuse(proxies, []);

  const answered: (string | null)[] = [];
  for (let count = 0; count < 10; count++) {
    const { hasResult, requestId } = await callTool(stack.proxy().url, staying.secret, tool, { count });
    expect(hasResult).toBe(true);
    answered.push(requestId);
  }
  const stored = await until(
    async () => {
      const rows = await readCalls(admin, { keyId: staying.id, outcome: "ANSWERED" });
      return rows.length > answered.length && rows.map(({ requestId }) => requestId);
    },
    { what: "the facts in the former control plane's store" },
  );
  for (const requestId of answered) expect(stored.filter((one) => one === requestId)).toHaveLength(1);
  await until(async () => (await readFleet(admin)).some(({ source, ageMs }) => source === "grpc" && ageMs !== null), {
    what: "its report",
  });
}

type Known = { id: string; secret: string };

/** It was not known there before, so it may take its time to arrive. */
async function reaches(members: readonly Member[], { secret }: Known): Promise<void> {
  for (const { url } of members)
    await until(async () => (await callTool(url, secret, tool)).hasResult, { what: "a new key to be served" });
}

/** At once: whoever was served goes on being served. */
async function serve(members: readonly Member[], keys: readonly Known[]): Promise<void> {
  for (const { url } of members)
    for (const { secret } of keys) expect((await callTool(url, secret, tool)).hasResult, url).toBe(true);
}

async function isUnknown(members: readonly Member[], { secret }: Known): Promise<void> {
  for (const { url } of members)
    await until(async () => (await callTool(url, secret, tool)).body.includes("auth.key-unknown"), {
      what: "a revoked key to be unknown",
    });
}

type Shown = {
  proxyId: string;
  kinds: Partial<Record<string, { resources: number }>>;
  refusedScopes: Record<string, string>;
};

async function replicaOf({ adminUrl }: Member): Promise<Shown> {
  // The page is for people; a version that shows it otherwise fails where it is compared.
  return (await (await fetch(`${adminUrl}/debug/replica`)).json()) as Shown;
}

/** These scopes, and no other. */
async function refuse(members: readonly Member[], scopes: readonly string[]): Promise<void> {
  const wanted = JSON.stringify([...scopes].sort());
  for (const member of members)
    await until(async () => JSON.stringify(Object.keys((await replicaOf(member)).refusedScopes).sort()) === wanted, {
      what: `the ${member.dataDir} to refuse ${wanted}`,
    });
}

async function setEnvironment(admin: AdminClient): Promise<string> {
  type Answer = { setEnvironment: { environment: { id: string } } };
  const { setEnvironment: done } = await admin.run<Answer>(
    `mutation { setEnvironment(input: { name: "production", replicaAgeMsMax: "60000" }) {
       ... on SetEnvironmentSucceeded { environment { id } } } }`,
  );
  return done.environment.id;
}

/** Both are in the log and no business of any proxy: what does not know them refuses nothing for them, without force. */
async function tellOfTheLedger(databaseUrl: string): Promise<void> {
  const database = await openDatabase({ url: databaseUrl });
  const meta = { actor: "system/test", timeMs: Date.now() };
  try {
    const standing = { budgetId: "b1", account: "budget/b1/1/total", limitNanoUsd: 1n, spentNanoUsd: 1n };
    const reach = { kind: "reach", id: "b1.1.total.0100", percent: 100, standing, timeMs: 1 } as const;
    expect(
      await handle(database, { decider: budgetThresholdDecider, id: reach.id, command: reach }, meta),
    ).toMatchObject({
      state: { percent: 100 },
    });
    const said = { id: "w1", proxyId: "p1", reason: "gone", by: "system/test", isForced: false, timeMs: 1 };
    const known = { isKnown: true, connectedMs: undefined, openLeases: 1, isMissing: false };
    const command = { kind: "write-off", ...said, ...known, leases: 1, nanoUsd: 1n, presumedNanoUsd: 0n } as const;
    expect(await handle(database, { decider: writeOffDecider, id: "w1", command }, meta)).toMatchObject({
      state: { leases: 1 },
    });
  } finally {
    await database.close();
  }
}

/** No command of this version makes such a key: it is appended as a later one would, refused first and then by force. */
async function issueNeeding(feature: string, by: { databaseUrl: string; teamId: string }): Promise<Known> {
  const { id, text: secret, sha256 } = newKeyText(randomBytes, "key");
  const named = { id, name: "of-tomorrow", teamId: by.teamId, tools: ["*/*"] };
  const event = create(KeyIssuedSchema, { key: { ...named, secrets: [{ sha256 }], requires: [feature] } });
  const decider: Decider<unknown, unknown, Message, never> = {
    stream: "key",
    initial: undefined,
    evolve: () => undefined,
    decide: () => accept([event]),
  };
  const database = await openDatabase({ url: by.databaseUrl });
  try {
    const append = (isForced: boolean) =>
      handleAll(database, [{ decider, id, command: undefined }], {
        actor: "system/test",
        timeMs: Date.now(),
        isForced,
      });
    await expect(append(false)).rejects.toMatchObject({ ...lacked, detail: expect.stringContaining(feature) });
    expect(await append(true)).toMatchObject({ outcome: "accepted" });
  } finally {
    await database.close();
  }
  return { id, secret };
}
