import type { ColumnTypes, Migration } from '../migrate.ts';

/** People with what proves who they are. Only hashes, public keys and sealed blobs stand in these tables. */
const peopleTables = (t: ColumnTypes): string[] => [
  `CREATE TABLE people (
    id ${t.text} PRIMARY KEY, name ${t.text} NOT NULL UNIQUE, display ${t.text} NOT NULL,
    state ${t.text} NOT NULL CHECK (state IN ('invited', 'active', 'disabled')), grants ${t.text} NOT NULL,
    password ${t.text}, totp ${t.blob}, totp_pending ${t.blob}, totp_step ${t.int}, issuer ${t.text}, subject ${t.text},
    created_at ${t.int} NOT NULL, password_at ${t.int}, login_at ${t.int}, UNIQUE (issuer, subject))${t.options}`,
  `CREATE TABLE recovery_codes (
    person_id ${t.text} NOT NULL REFERENCES people, hash ${t.text} NOT NULL, used_at ${t.int},
    PRIMARY KEY (person_id, hash))${t.clustered}`,
  `CREATE TABLE passkeys (
    id ${t.text} PRIMARY KEY, person_id ${t.text} NOT NULL REFERENCES people, name ${t.text} NOT NULL, rp_id ${t.text} NOT NULL,
    public_key ${t.blob} NOT NULL, counter ${t.int} NOT NULL, transports ${t.text} NOT NULL, created_at ${t.int} NOT NULL,
    last_used_at ${t.int})${t.options}`,
  `CREATE INDEX passkeys_person ON passkeys (person_id)`,
  `CREATE TABLE invitations (
    hash ${t.text} PRIMARY KEY, person_id ${t.text} NOT NULL REFERENCES people, created_at ${t.int} NOT NULL,
    expires_at ${t.int} NOT NULL, used_at ${t.int})${t.options}`,
];

const sessionTables = (t: ColumnTypes): string[] => [
  `CREATE TABLE sessions (
    id ${t.text} PRIMARY KEY, hash ${t.text} NOT NULL UNIQUE, person_id ${t.text} NOT NULL REFERENCES people,
    method ${t.text} NOT NULL, client ${t.text} NOT NULL, address ${t.text} NOT NULL, created_at ${t.int} NOT NULL,
    seen_at ${t.int} NOT NULL, expires_at ${t.int} NOT NULL, factor_at ${t.int}, ended_at ${t.int})${t.options}`,
  `CREATE INDEX sessions_person ON sessions (person_id)`,
  `CREATE INDEX sessions_expiry ON sessions (expires_at)`,
  // What was handed out to be brought back once: challenges of passkeys, states of sign-ins elsewhere.
  `CREATE TABLE challenges (
    hash ${t.text} PRIMARY KEY, purpose ${t.text} NOT NULL, body ${t.text} NOT NULL, expires_at ${t.int} NOT NULL)${t.options}`,
  `CREATE INDEX challenges_expiry ON challenges (expires_at)`,
  `CREATE TABLE attempts (
    key ${t.text} PRIMARY KEY, count ${t.int} NOT NULL, last_at ${t.int} NOT NULL, until ${t.int} NOT NULL)${t.options}`,
  `CREATE INDEX attempts_age ON attempts (last_at)`,
];

/** Null in what an earlier version writes, which is what its tokens are: nobody's in particular, for every action. */
const tokenColumns = (t: ColumnTypes): string[] => [
  `ALTER TABLE tokens ADD COLUMN person_id ${t.text}`,
  `ALTER TABLE tokens ADD COLUMN actions ${t.text}`,
  `CREATE INDEX tokens_person ON tokens (person_id)`,
];

export const identity: Migration = {
  id: 4,
  name: 'identity',
  tables: (t) => [...peopleTables(t), ...sessionTables(t), ...tokenColumns(t)],
  triggers: { sqlite: [], postgres: [] },
};
