// Spec files share a server, so they must not share anything else.
import { Client } from "pg";
import { expect, test } from "vitest";
import { createDatabase } from "./database.ts";
import { testEnvironment } from "./environment.ts";

test("two databases are empty, separate, and gone after their drop even with a session open", async () => {
  await using one = await createDatabase("Log: append/read, a very long title of a spec file that goes on and on");
  await using two = await createDatabase("log");
  expect(one.url).not.toBe(two.url);
  const client = new Client({ connectionString: one.url });
  const closed = new Promise((resolve) => client.on("error", resolve));
  await client.connect();
  await client.query("CREATE TABLE only_here (n bigint)");
  const other = new Client({ connectionString: two.url });
  await other.connect();
  await expect(other.query("SELECT * FROM only_here")).rejects.toThrow("does not exist");
  await other.end();
  await one.drop();
  await closed;
  const admin = new Client({ connectionString: testEnvironment().postgresUrl });
  await admin.connect();
  const name = new URL(one.url).pathname.slice(1);
  expect((await admin.query("SELECT FROM pg_database WHERE datname = $1", [name])).rowCount).toBe(0);
  await admin.end();
});
