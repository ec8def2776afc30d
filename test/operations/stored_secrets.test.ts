import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretStore } from '../../src/changes/index.ts';
import { ManualClock } from '../../src/kernel/clock.ts';
import { seededIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createAudit, exportAudit, type Audit } from '../../src/record/index.ts';
import { listStoredSecrets, loadKeys, openStore, putStoredSecret, type Store } from '../../src/store/index.ts';
import { agent, person, temporaryDirectory } from '../support/harness.ts';

const PLANTED = 'pl4nted-s3cret-value';
const KEYS = { 'env:OLD': 'old key '.repeat(5), 'env:NEW': 'new key '.repeat(5) } as Record<string, string>;
let directory: ReturnType<typeof temporaryDirectory>;
let store: Store;
let audit: Audit;
const clock = new ManualClock();

const start = (): void => {
  store = openStore({ directory: directory.path, clock, log: silentLogger });
};
const open = (configured?: string, used: string[] = []): Promise<SecretStore> => {
  const ids = seededIds(`secrets ${clock.now()}`, clock);
  clock.advance(1);
  const keys = loadKeys(directory.path, ids);
  audit = createAudit({ store, keys, clock });
  const resolve = (reference: string): Secret => new Secret(KEYS[reference] ?? '');
  const given = configured === undefined ? undefined : new Secret(configured);
  return SecretStore.open({ store, keys, audit, clock, ids, configured: given, resolve, used: new Set(used) });
};
const bytes = (): string =>
  readdirSync(directory.path)
    .map((name) => readFileSync(join(directory.path, name)).toString('latin1'))
    .join('\n');

beforeEach(() => {
  directory = temporaryDirectory();
  start();
});
afterEach(async () => {
  await store.close();
  directory.remove();
});

it('keeps a value sealed; nothing but the configuration gets it back', async () => {
  const secrets = await open(undefined, ['home']);
  const shown = [await secrets.set('home', PLANTED, person), await secrets.list(person)];
  await secrets.set('home', `${PLANTED}-2`, person);
  expect(await secrets.read('stored:home')).toBe(`${PLANTED}-2`);
  for await (const line of exportAudit(store, audit)) shown.push(JSON.parse(line) as Record<string, unknown>);
  await expect(secrets.remove('home', person)).rejects.toMatchObject({ code: 'OBLIGATION_UNMET' });
  expect(JSON.stringify(shown)).not.toContain('pl4nted');
  expect(JSON.stringify(shown)).toContain('secret.replaced');
  expect(bytes()).not.toContain(PLANTED);
  expect(await (await open()).read('stored:home')).toBe(`${PLANTED}-2`);
});

it('is for people who are admins everywhere', async () => {
  const secrets = await open();
  for (const who of [agent, { ...person, role: 'approver' as const }, { ...person, environments: ['home'] }]) {
    const refused = { code: 'FORBIDDEN' };
    await expect(secrets.set('home', PLANTED, who)).rejects.toMatchObject(refused);
    await expect(secrets.list(who)).rejects.toMatchObject(refused);
    await expect(secrets.remove('home', who)).rejects.toMatchObject(refused);
    await expect(secrets.rotate('keys', who)).rejects.toMatchObject(refused);
  }
});

it('a sealed value is good under its own name only', async () => {
  const secrets = await open();
  await secrets.set('home', PLANTED, person);
  const [sealed] = await listStoredSecrets(store);
  if (sealed === undefined) throw new Error('nothing is stored');
  await store.commit((trx) => putStoredSecret(trx, { ...sealed, name: 'cloud' }));
  await expect(secrets.read('stored:cloud')).rejects.toMatchObject({ code: 'INTERNAL' });
});

it('says what is missing, and refuses to start with another key', async () => {
  const secrets = await open(KEYS['env:OLD']);
  await expect(secrets.read('stored:none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await secrets.set('home', PLANTED, person);
  await expect(open(KEYS['env:NEW'])).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  await expect(open()).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  await expect(secrets.rotate('env:SHORT', person)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  expect(await (await open(KEYS['env:OLD'])).read('stored:home')).toBe(PLANTED);
});

describe('rotating the key', () => {
  it('seals all anew; the old key opens nothing any more, and the next start finds the new one', async () => {
    const secrets = await open(KEYS['env:OLD']);
    for (const name of ['a', 'b', 'c']) await secrets.set(name, `${PLANTED}-${name}`, person);
    const before = await listStoredSecrets(store);
    expect(await secrets.rotate('env:NEW', person)).toMatchObject({ secrets: 3 });
    expect(await secrets.read('stored:b')).toBe(`${PLANTED}-b`);
    for (const [index, one] of (await listStoredSecrets(store)).entries())
      expect(one.blob).not.toEqual(before[index]?.blob);
    // With the old one still configured, and with the new one.
    for (const configured of [KEYS['env:OLD'], KEYS['env:NEW'], undefined])
      expect(await (await open(configured)).read('stored:c')).toBe(`${PLANTED}-c`);
  });

  it('another replica that does not know yet seals nothing with the old key', async () => {
    const [one, other] = [await open(KEYS['env:OLD']), await open(KEYS['env:OLD'])];
    await one.set('home', PLANTED, person);
    await one.rotate('env:NEW', person);
    await expect(other.set('home', 'x', person)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
    await expect(other.rotate('env:OLD', person)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
    expect(await one.read('stored:home')).toBe(PLANTED);
  });

  it.each(['in the middle', 'at the end'])(
    'killed %s, either the old or the new key opens everything',
    async (when) => {
      const secrets = await open(KEYS['env:OLD']);
      for (let index = 0; index < 20; index++) await secrets.set(`s${index}`, `${PLANTED}-${index}`, person);
      await store.close();
      const root = join(import.meta.dirname, '../..');
      const script = join(directory.path, 'rotate.ts');
      writeFileSync(
        script,
        `import { SecretStore } from '${root}/src/changes/index.ts';
       import { systemClock as clock } from '${root}/src/kernel/clock.ts';
       import { systemIds } from '${root}/src/kernel/ids.ts';
       import { silentLogger as log } from '${root}/src/kernel/log.ts';
       import { Secret } from '${root}/src/kernel/secret.ts';
       import { createAudit } from '${root}/src/record/index.ts';
       import { loadKeys, openStore } from '${root}/src/store/index.ts';
       const directory = ${JSON.stringify(directory.path)};
       const store = openStore({ directory, clock, log });
       const real = systemIds(clock);
       const keys = loadKeys(directory, real);
       let sealed = 0;
       const kill = () => process.kill(process.pid, 'SIGKILL');
       const ids = { ...real, bytes: (n) => { if (++sealed === 11 && ${when === 'in the middle'}) kill(); return real.bytes(n); } };
       const audit = createAudit({ store, keys, clock });
       const configured = new Secret(${JSON.stringify(KEYS['env:OLD'])});
       const resolve = () => new Secret(${JSON.stringify(KEYS['env:NEW'])});
       const secrets = await SecretStore.open({ store, keys, audit, clock, ids, configured, resolve, used: new Set() });
       await secrets.rotate('env:NEW', ${JSON.stringify(person)});
       kill();`,
      );
      const ended = promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', script]);
      await expect(ended).rejects.toMatchObject({ signal: 'SIGKILL' });
      start();
      const after = await open(KEYS['env:OLD']);
      for (let index = 0; index < 20; index++) expect(await after.read(`stored:s${index}`)).toBe(`${PLANTED}-${index}`);
      const ids = new Set((await listStoredSecrets(store)).map(({ key_id }) => key_id));
      expect(ids.size).toBe(1);
    },
  );
});
