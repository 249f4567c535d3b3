// A migration is plain SQL that TypeORM runs once and remembers. Migrations only go forward: two versions of the software
// run side by side while one replaces the other, so each migration must leave the former version working (expand first,
// contract in a later release), and going back means a new migration. Statements that cannot run in a transaction
// (`CREATE INDEX CONCURRENTLY`) say so and stand alone in their list.

import type { MigrationInterface, QueryRunner } from "typeorm";

export type Migration = new () => MigrationInterface;

export type MigrationOptions = {
  /** False: each statement by itself; what fails half-way must be repeatable. */
  transaction?: boolean;
};

/** `madeAtMs` orders migrations: 13 digits, later than every one before it. */
export function sqlMigration(
  name: string,
  madeAtMs: number,
  statements: readonly string[],
  options: MigrationOptions = {},
): Migration {
  return class implements MigrationInterface {
    // TypeORM reads the order from the last 13 characters of the name.
    readonly name = `${name}${madeAtMs}`;
    readonly transaction = options.transaction ?? true;

    async up(runner: QueryRunner): Promise<void> {
      for (const statement of statements) await runner.query(statement);
    }

    async down(): Promise<void> {
      throw new Error(`the migration ${name} is not taken back: write one that goes forward`);
    }
  };
}
