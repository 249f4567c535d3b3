// The event log: its head, its events, and the rows that keep names unique and referred-to names alive. Both functions
// are called from `log/` and nowhere else.
//
// Why the append is a function in plpgsql and not a recursive CTE: both are one statement, but a recursive CTE that walks
// n given events looks each one up among n, so that a commit of 20,000 (an applied `tollgate.yaml`) costs 400 million
// steps; the loop is linear. The loop also says in which order things happen, where a CTE leaves `FOR UPDATE`, the insert
// and the update of the same head row to rules that few people know.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA log;

-- One row. Who holds its lock is the one writer; the lock is kept until the commit is visible, and that is what makes
-- positions free of holes and equal to the order of commits.
CREATE TABLE log.head (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  incarnation integer NOT NULL DEFAULT 1,
  position bigint NOT NULL DEFAULT 0,
  hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
);
INSERT INTO log.head DEFAULT VALUES;

-- stream, version and type repeat what the record says, for look-ups; \`verify\` compares them.
CREATE TABLE log.event (
  position bigint PRIMARY KEY CHECK (position > 0),
  commit bigint NOT NULL CHECK (commit >= position),
  stream text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  type text COLLATE "C" NOT NULL,
  record bytea NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT event_stream_version UNIQUE (stream, version)
);

-- A live stream holds at most one name, and a name of a kind has at most one holder.
CREATE TABLE log.name (
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  CONSTRAINT name_holder PRIMARY KEY (kind, name),
  CONSTRAINT name_stream UNIQUE (stream)
);

-- \`holder\` needs \`target\`: as long as the row is there, the target cannot give its name back.
CREATE TABLE log.reference (
  holder text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL CONSTRAINT reference_target REFERENCES log.name (stream),
  PRIMARY KEY (holder, target)
);
CREATE INDEX reference_target ON log.reference (target);
`;

const append = `
CREATE FUNCTION log.append(streams text[], versions integer[], types text[], records bytea[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  last log.head;
  given record;
  last_position bigint;
BEGIN
  SELECT * INTO STRICT last FROM log.head FOR UPDATE;
  last_position := last.position + cardinality(records);
  FOR given IN
    SELECT * FROM unnest(streams, versions, types, records) WITH ORDINALITY AS e (stream, version, type, record, n)
    ORDER BY n
  LOOP
    last.position := last.position + 1;
    last.hash := sha256(last.hash || int8send(last.position) || given.record);
    INSERT INTO log.event (position, commit, stream, version, type, record, hash)
    VALUES (last.position, last_position, given.stream, given.version, given.type, given.record, last.hash);
  END LOOP;
  UPDATE log.head SET position = last.position, hash = last.hash;
  PERFORM pg_notify('tollgate_log', last_position::text);
  RETURN last_position;
END $$;
`;

// The locks make each look reliable: whoever wants a name, a target or a release waits for the others that touch the same
// row, and then, being read committed, sees what they committed. The constraints are the last word, not the mechanism.
// TG001 carries the refusal out as JSON and, being an error, takes back every name row of the transaction.
const applyNames = `
CREATE FUNCTION log.refuse_names(step integer, refusal jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'TG001', MESSAGE = 'a name rule refused',
    DETAIL = jsonb_build_object('step', step, 'refusal', refusal)::text;
END $$;

CREATE FUNCTION log.reserve_name(step integer, of_kind text, of_stream text, wanted text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  held text;
BEGIN
  SELECT name INTO held FROM log.name WHERE stream = of_stream FOR UPDATE;
  IF held = wanted THEN
    RETURN;
  ELSIF held IS NOT NULL THEN
    BEGIN
      UPDATE log.name SET name = wanted WHERE stream = of_stream;
    EXCEPTION WHEN unique_violation THEN
      PERFORM log.refuse_names(step, jsonb_build_object('kind', 'name-taken', 'name', wanted));
    END;
    RETURN;
  END IF;
  INSERT INTO log.name (kind, name, stream) VALUES (of_kind, wanted, of_stream) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RETURN;
  END IF;
  PERFORM 1 FROM log.name WHERE kind = of_kind AND name = wanted AND stream <> of_stream;
  IF FOUND THEN
    PERFORM log.refuse_names(step, jsonb_build_object('kind', 'name-taken', 'name', wanted));
  END IF;
  -- The conflict was with this very stream, or has gone since: decide again on what is there now.
  RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'the name changed hands meanwhile';
END $$;

CREATE FUNCTION log.refer_to(step integer, of_stream text, targets text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted text;
BEGIN
  DELETE FROM log.reference WHERE holder = of_stream AND target <> ALL (targets);
  FOREACH wanted IN ARRAY targets LOOP
    PERFORM 1 FROM log.name WHERE stream = wanted FOR KEY SHARE;
    IF NOT FOUND THEN
      PERFORM log.refuse_names(step, jsonb_build_object('kind', 'reference-missing', 'scope', wanted));
    END IF;
    INSERT INTO log.reference (holder, target) VALUES (of_stream, wanted) ON CONFLICT DO NOTHING;
  END LOOP;
END $$;

CREATE FUNCTION log.release_name(step integer, of_stream text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  needed_by text;
BEGIN
  PERFORM 1 FROM log.name WHERE stream = of_stream FOR UPDATE;
  SELECT holder INTO needed_by FROM log.reference WHERE target = of_stream AND holder <> of_stream
  ORDER BY holder LIMIT 1;
  IF FOUND THEN
    PERFORM log.refuse_names(step, jsonb_build_object('kind', 'in-use', 'by', needed_by));
  END IF;
  DELETE FROM log.reference WHERE holder = of_stream;
  DELETE FROM log.name WHERE stream = of_stream;
END $$;

CREATE FUNCTION log.apply_names(rules jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  rule record;
BEGIN
  FOR rule IN
    SELECT r.* FROM ROWS FROM (
      jsonb_to_recordset(rules)
        AS (step integer, kind text, stream text, reserve text, refer text[], release boolean)
    ) WITH ORDINALITY AS r (step, kind, stream, reserve, refer, release, n)
    ORDER BY n
  LOOP
    IF rule.reserve IS NOT NULL THEN
      PERFORM log.reserve_name(rule.step, rule.kind, rule.stream, rule.reserve);
    END IF;
    IF rule.refer IS NOT NULL THEN
      PERFORM log.refer_to(rule.step, rule.stream, rule.refer);
    END IF;
    IF rule.release THEN
      PERFORM log.release_name(rule.step, rule.stream);
    END IF;
  END LOOP;
END $$;
`;

export const logMigration = sqlMigration("Log", 1796000000001, [tables, append, applyNames]);
