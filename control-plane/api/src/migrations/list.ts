// Every migration, in order. A new one goes to the end with a later time; one that was released never changes.

import { logMigration } from "./0001-log.ts";
import { secretsMigration } from "./0002-secrets.ts";
import { fleetMigration } from "./0003-fleet.ts";
import { usageMigration } from "./0004-usage.ts";
import { answersMigration } from "./0005-answers.ts";
import { keyringMigration } from "./0006-keyring.ts";
import { enrolmentMigration } from "./0007-enrolment.ts";
import { factChainMigration } from "./0009-fact-chain.ts";
import { nacksMigration } from "./0008-nacks.ts";
import { sharedKeyEndsMigration } from "./0010-shared-key-ends.ts";
import { wantedIdsMigration } from "./0011-wanted-ids.ts";
import { catalogueMigration } from "./0012-catalogue.ts";
import { whatCallsWereMigration } from "./0013-what-calls-were.ts";
import { modelCallsMigration } from "./0015-model-calls.ts";
import { attributionMigration } from "./0016-attribution.ts";
import { ledgerMigration } from "./0020-ledger.ts";
import { knownUntilMigration } from "./0024-known-until.ts";
import { leasesOfBootsMigration } from "./0025-leases-of-boots.ts";
import { whatCallsCostMigration } from "./0026-what-calls-cost.ts";
import { decisionsMigration } from "./0027-decisions.ts";
import { limitsInTheJournalMigration } from "./0028-limits-in-the-journal.ts";
import type { Migration } from "./migration.ts";

export const migrations: readonly Migration[] = [
  logMigration,
  secretsMigration,
  fleetMigration,
  usageMigration,
  answersMigration,
  keyringMigration,
  enrolmentMigration,
  nacksMigration,
  factChainMigration,
  sharedKeyEndsMigration,
  wantedIdsMigration,
  catalogueMigration,
  whatCallsWereMigration,
  modelCallsMigration,
  attributionMigration,
  ledgerMigration,
  knownUntilMigration,
  leasesOfBootsMigration,
  whatCallsCostMigration,
  decisionsMigration,
  limitsInTheJournalMigration,
];
