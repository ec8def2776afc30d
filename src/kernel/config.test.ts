import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, type Config, type ConfigSources } from './config.ts';
import { isAgentError } from './errors.ts';

let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'proxmox-agent-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');
const HOME = 'name: home\n    endpoint: https://pve1.example:8006\n    token: { id: "agent@pve!a", secret: "env:S" }';

interface Given {
  readonly yaml?: string;
  readonly env?: ConfigSources['env'];
  readonly flags?: ConfigSources['flags'];
}

function load({ yaml, env = { S: 'the-secret' }, flags = {} }: Given): Config {
  if (yaml !== undefined) writeFileSync(join(cwd, 'proxmox-agent.yaml'), yaml);
  return loadConfig({ env, cwd, flags });
}

/** The words of the refusal. */
function refusal(given: Given): string {
  try {
    load(given);
    return 'accepted';
  } catch (error) {
    if (!isAgentError(error, 'CONFIGURATION_INVALID')) throw error;
    expect(error.message).not.toContain('the-secret');
    return error.message;
  }
}

const one = (fields: string): Given => ({ yaml: `environments:\n  - ${fields}\n` });
const home = (...more: string[]): Given => one([HOME, ...more].join('\n    '));

describe('with nothing configured', () => {
  it('there is the example lab in the built-in simulator, for this machine only', () => {
    const config = load({ env: {} });
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8470, data: join(cwd, 'data'), logLevel: 'warn' });
    expect(config.environments).toEqual([
      { name: 'lab', endpoints: [], auth: undefined, tls: {}, production: false, simulator: 'enterprise' },
    ]);
    expect(config.bootstrapToken).toBeUndefined();
  });
});

describe('an environment', () => {
  it('has its endpoints, its token and its trust, the secret from where the reference points', () => {
    writeFileSync(join(cwd, 'secret'), 'from-file\n');
    writeFileSync(join(cwd, 'ca.pem'), 'PEM\n');
    const { environments } = load(
      one(
        'name: home\n    endpoint: [https://a:8006, https://b:8006]\n    token: { id: "u@pve!t", secret: "file:secret" }\n    tls: { ca: ca.pem }\n    production: true',
      ),
    );
    const [only] = environments;
    expect(only).toMatchObject({
      endpoints: ['https://a:8006', 'https://b:8006'],
      tls: { ca: 'PEM' },
      production: true,
    });
    expect(only?.auth !== undefined && 'token' in only.auth && only.auth.token.secret.reveal()).toBe('from-file');
    expect(JSON.stringify(environments)).not.toContain('from-file');
  });

  it('may have hosts whose keys are known, and a key to log in with from where the reference points', () => {
    const hostKey = `SHA256:${'a'.repeat(43)}`;
    const yaml = (ssh: string): string =>
      `environments: [{ name: home, endpoint: 'https://h:8006', token: { id: 'a@pve!b', secret: env:S }, ssh: ${ssh} }]`;
    const hosts = `hosts: { pve1: { address: 10.0.0.1, host_key: '${hostKey}' } }`;
    const [home] = load({ yaml: yaml(`{ key: env:S, ${hosts} }`) }).environments;
    expect(home?.ssh).toMatchObject({
      user: 'root',
      directory: '/var/lib/proxmox-agent/runs',
      hosts: { pve1: { address: '10.0.0.1', port: 22, hostKey } },
    });
    expect(home?.ssh?.key.reveal()).toBe('the-secret');
    expect(refusal({ yaml: yaml(`{ key: plain, ${hosts} }`) })).toContain('ssh.key must be a reference');
    expect(refusal({ yaml: yaml(`{ key: env:S, hosts: { pve1: { address: h, host_key: 'MD5:00' } } }`) })).toContain(
      'must be SHA256:… as ssh-keygen -lf prints it',
    );
  });

  it('may sign in with a password instead', () => {
    const { environments } = load(
      one('name: home\n    endpoint: https://a:8006\n    login: { username: root@pam, password: "env:S" }'),
    );
    expect(environments[0]?.auth).toMatchObject({ ticket: { username: 'root@pam' } });
  });

  it('may use plain HTTP on this machine, outside production', () => {
    for (const host of ['127.0.0.1:1', 'localhost:1', '[::1]:1'])
      expect(refusal(one(HOME.replace('https://pve1.example:8006', `http://${host}`)))).toBe('accepted');
  });
});

describe('refused, each in its own words:', () => {
  it.each<[string, Given, string]>([
    [
      'a literal secret',
      one(HOME.replace('env:S', 'the-secret')),
      'environment home: token.secret must be a reference such as env:NAME or file:PATH, not the secret itself.',
    ],
    [
      'a variable that is not set',
      { ...home(), env: {} },
      'environment home: token.secret: the environment variable S is not set.',
    ],
    [
      'a variable that is empty',
      { ...home(), env: { S: '' } },
      'environment home: token.secret: the environment variable S is not set.',
    ],
    ['a file that is not there', one(HOME.replace('env:S', 'file:nope')), '/nope cannot be read.'],
    ['a CA file that is not there', home('tls: { ca: nope.pem }'), 'environment home: tls.ca: '],
    ['no credentials', one('name: home\n    endpoint: https://a'), 'environment home: token or login is missing.'],
    [
      'one token for two environments',
      { yaml: `environments:\n  - ${HOME}\n  - ${HOME.replace('home', 'work')}\n` },
      'environments home and work share the token id agent@pve!a; give each its own.',
    ],
    ['one name twice', { yaml: `environments:\n  - ${HOME}\n  - ${HOME}\n` }, 'Two environments are named home.'],
    [
      'no checking of certificates in production',
      home('tls: { insecure: true }', 'production: true'),
      'tls.insecure is refused for a production environment',
    ],
    [
      'plain HTTP elsewhere',
      one(HOME.replace('https:', 'http:')),
      'environment home: http:// is accepted only for loopback, and never for production.',
    ],
    [
      'plain HTTP in production, even here',
      one(`${HOME.replace('https://pve1.example', 'http://127.0.0.1')}\n    production: true`),
      'http:// is accepted only for loopback, and never for production.',
    ],
    [
      'another protocol',
      one(HOME.replace('https:', 'ftp:')),
      'environment home: ftp://pve1.example:8006 is not an https:// address.',
    ],
    ['no address at all', one(HOME.replace('https://pve1.example:8006', 'pve1')), 'pve1 is not an https:// address.'],
    [
      'broken YAML, with its line',
      { yaml: 'environments:\n  - name: [home\nport: 1\n' },
      'proxmox-agent.yaml:3:1: Flow sequence',
    ],
    ['a key that is not known', { yaml: 'prot: 8470\n' }, 'prot'],
    ['a key of an environment that is not known', home('verify: false'), 'verify'],
    ['a name with capitals', one(HOME.replace('home', 'Home')), 'must be lower-case letters, digits and hyphens'],
    [
      'a token id without its token',
      one(HOME.replace('!a', '')),
      'environments.0.token.id: must be user@realm!tokenid',
    ],
    [
      'half a fingerprint',
      home('tls: { fingerprint: "AB:CD" }'),
      'environments.0.tls.fingerprint: must be 32 pairs of hex digits with colons',
    ],
    ['a port that is too large', { yaml: 'port: 65536\n' }, 'port: '],
    ['a port that is a word', { flags: { port: 'http' } }, '"http" is not a port.'],
    ['an empty port', { flags: { port: ' ' } }, '" " is not a port.'],
    [
      'a named file that is not there',
      { flags: { config: 'x.yaml' } },
      'The configuration file x.yaml does not exist.',
    ],
    [
      'a short bootstrap token',
      { env: { PROXMOX_AGENT_BOOTSTRAP_TOKEN: 'x'.repeat(31) } },
      'PROXMOX_AGENT_BOOTSTRAP_TOKEN must have 32 characters or more.',
    ],
    [
      'the endpoint variable without a token',
      { env: { PROXMOX_VE_ENDPOINT: 'https://a:8006' } },
      'PROXMOX_VE_ENDPOINT is set and PROXMOX_VE_API_TOKEN (or PROXMOX_VE_API_TOKEN_FILE) is missing.',
    ],
    [
      'a token variable without its secret',
      { env: { PROXMOX_VE_ENDPOINT: 'https://a:8006', PROXMOX_VE_API_TOKEN: 'u@pve!t' } },
      'PROXMOX_VE_API_TOKEN must be user@realm!tokenid=secret.',
    ],
    [
      'an endpoint variable that is no address',
      { env: { PROXMOX_VE_ENDPOINT: 'pve1', PROXMOX_VE_API_TOKEN: 'u@pve!t=the-secret' } },
      'pve1 is not an https:// address.',
    ],
    [
      'a fingerprint variable that is none',
      {
        env: {
          PROXMOX_VE_ENDPOINT: 'https://a',
          PROXMOX_VE_API_TOKEN: 'u@pve!t=the-secret',
          PROXMOX_VE_FINGERPRINT: 'AB',
        },
      },
      'must be 32 pairs of hex digits with colons',
    ],
    [
      'an environment variable with a name that is none',
      {
        env: {
          PROXMOX_VE_ENDPOINT: 'https://a',
          PROXMOX_VE_API_TOKEN: 'u@pve!t=the-secret',
          PROXMOX_VE_ENVIRONMENT: 'My Lab',
        },
      },
      'must be lower-case letters, digits and hyphens',
    ],
    ['a log level that is none', { env: { PROXMOX_AGENT_LOG: 'loud' } }, 'PROXMOX_AGENT_LOG must be '],
  ])('%s', (_what, given, words) => {
    expect(refusal(given)).toContain(words);
  });
});

describe('the sources', () => {
  it('win over each other in order: command line, environment variable, file', () => {
    const yaml = 'host: 0.0.0.0\nport: 1\ndata: from-file\nlog_level: error\n';
    expect(load({ yaml, env: {} })).toMatchObject({ host: '0.0.0.0', port: 1, data: join(cwd, 'from-file') });
    const env = { PROXMOX_AGENT_PORT: '2', PROXMOX_AGENT_DATA: '/var/data', PROXMOX_AGENT_LOG: 'debug' };
    expect(load({ yaml, env })).toMatchObject({ port: 2, data: '/var/data', logLevel: 'debug' });
    expect(load({ yaml, env, flags: { port: '3', host: '::1', data: 'd' } })).toMatchObject({
      port: 3,
      host: '::1',
      data: join(cwd, 'd'),
    });
  });

  it('know the variables of other Proxmox tools as environment home', () => {
    writeFileSync(join(cwd, 'token'), 'u@pve!t=the-secret\n');
    const { environments } = load({
      env: {
        PROXMOX_VE_ENDPOINT: 'https://pve1.example:8006/api2/json',
        PROXMOX_VE_API_TOKEN_FILE: 'token',
        PROXMOX_VE_FINGERPRINT: FINGERPRINT,
      },
    });
    expect(environments).toMatchObject([
      { name: 'home', endpoints: ['https://pve1.example:8006'], tls: { fingerprint: FINGERPRINT }, production: false },
    ]);
  });

  it('take the bootstrap token, and never show it', () => {
    const token = 'b'.repeat(32);
    const config = load({ env: { PROXMOX_AGENT_BOOTSTRAP_TOKEN: token } });
    expect(config.bootstrapToken?.reveal()).toBe(token);
    expect(JSON.stringify(config)).not.toContain(token);
  });
});

describe('the policy and what it looks at', () => {
  const services = (...lines: string[]): Given => ({
    yaml: `services:\n${lines.map((line) => `  - ${line}`).join('\n')}\n`,
  });

  it('stand in the file, the path beside it', () => {
    const {
      policy,
      timeZone,
      services: declared,
    } = load({
      yaml: 'policy: rules\ntime_zone: Europe/Vienna\nservices:\n  - { name: dns, tier: 1, guests: [vm/101, ct/102] }\n  - { name: shop, depends_on: [dns] }\n',
    });
    expect({ policy, timeZone }).toEqual({ policy: join(cwd, 'rules'), timeZone: 'Europe/Vienna' });
    expect(declared).toEqual([
      { name: 'dns', tier: 1, guests: ['vm/101', 'ct/102'], depends_on: [] },
      { name: 'shop', tier: 3, guests: [], depends_on: ['dns'] },
    ]);
  });

  it('are strict as they are told', () => {
    expect(load(home('strictness: strict')).environments[0]?.strictness).toBe('strict');
    expect(load(home()).environments[0]?.strictness).toBeUndefined();
    expect(refusal(home('strictness: lax'))).toContain('strictness: must be relaxed, standard, strict');
    expect(refusal(home('strictness: relaxed', 'production: true'))).toContain('is not for a production environment');
  });

  it.each([
    [{ yaml: 'time_zone: Europe/Wien\n' }, 'time_zone: "Europe/Wien" is not a time zone'],
    [services('{ name: dns, tier: 4 }'), 'services.0.tier: must be 1, 2 or 3'],
    [services('{ name: dns, guests: [101] }'), 'services.0.guests.0'],
    [services('{ name: dns, guests: [vm/web] }'), 'services.0.guests.0: must be such as vm/101'],
    [services('{ name: dns, tiers: 1 }'), 'services.0.tiers: is not known here; did you mean tier?'],
    [services('{ name: dns }', '{ name: dns }'), 'two services are named dns'],
    [services('{ name: dns, depends_on: [ntp] }'), 'depends_on names ntp, which is not among the services'],
    [services('{ name: dns, environment: work }'), 'there is no environment work; configured: lab'],
  ])('%j is refused: %s', (given, words) => {
    expect(refusal(given)).toContain(words);
  });
});

describe('how people sign in', () => {
  const provider = (fields = ''): string =>
    `auth:
  session_idle: 30m
  oidc:
    - name: home
      issuer: https://sso.example.internal/
      client_id: pxa
      client_secret: env:S
      roles: { lab-admins: { "*": admin }, family: { home: viewer } }
${fields}`;

  it('is read with its secrets by reference', () => {
    const { auth } = load({ yaml: provider() });
    expect(auth).toMatchObject({
      sessions: { idle: 30 * 60_000, absolute: 7 * 24 * 3_600_000 },
      oidc: [
        {
          name: 'home',
          issuer: 'https://sso.example.internal',
          clientId: 'pxa',
          claim: 'groups',
          scopes: ['openid', 'profile'],
          roles: { 'lab-admins': { '*': 'admin' }, family: { home: 'viewer' } },
        },
      ],
    });
    expect(auth?.oidc[0]?.clientSecret.reveal()).toBe('the-secret');
    expect(load({ yaml: '' }).auth).toMatchObject({ oidc: [], sessions: { idle: 12 * 3_600_000 }, trustedProxies: [] });
  });

  it.each<[string, string, string]>([
    ['a field that is not known, with its line', provider('      group: x\n'), ':9:7: auth.oidc.0.group: '],
    ['a role that there is not', provider().replace('viewer', 'root'), ':8:60: auth.oidc.0.roles.family.home: must be'],
    ['a secret in the file', provider().replace('env:S', 'literal'), 'client_secret must be a reference'],
    ['plain HTTP elsewhere', provider().replace('https:', 'http:'), ':5:15: auth.oidc.0.issuer: must be an https://'],
    ['a time without a unit', 'auth: { session_idle: 12 }\n', ':1:23: auth.session_idle: '],
    ['a proxy by name', 'auth: { trusted_proxies: [proxy] }\n', 'must be an address or a network'],
    ['one name twice', `${provider()}${provider().split('oidc:\n')[1]}`, 'Two identity providers are named home.'],
  ])('is refused with %s', (_, yaml, message) => {
    expect(() => load({ yaml })).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message) as string }),
    );
  });
});

describe('change windows and blackouts', () => {
  it('are read with where they stand', () => {
    const { windows, blackouts } = load({
      yaml: 'windows:\n  - { name: night, calendar: "sat 02:00", duration: 1h30m }\nblackouts:\n  - name: holidays\n    from: 2026-12-20\n    to: 2027-01-02T12:00\n',
    });
    expect(windows).toMatchObject([{ name: 'night', calendar: 'sat 02:00', duration: 5_400_000 }]);
    expect(windows?.[0]?.where?.['calendar']).toMatch(/proxmox-agent.yaml:2:30$/);
    expect(blackouts).toMatchObject([{ name: 'holidays', from: '2026-12-20', to: '2027-01-02T12:00' }]);
    expect(load({ yaml: 'port: 1\n' }).windows).toBeUndefined();
  });

  it.each([
    ['{ name: a, calendar: x, duration: 4h, zon: y }', ':2:43: windows.0.zon: is not known here; did you mean zone?'],
    ['{ name: a, calendar: x, duration: 4 }', ':2:39: windows.0.duration: must be such as 4h'],
    ['{ name: a, calendar: x, duration: 32d }', 'at most 31d'],
    ['{ name: a, duration: 4h }', ':2:5: windows.0: needs either calendar or rrule'],
    ['{ name: a, calendar: x, duration: 4h, tiers: [4] }', 'must be 0, 1, 2 or 3'],
    ['{ name: a, calendar: x, duration: 4h, environments: [lab, nope] }', ':2:63: there is no environment nope'],
    ['{ name: a, calendar: x, duration: 4h, zone: Europe/Wien }', ':2:49: zone: "Europe/Wien" is not a time zone'],
  ])('a window %s is refused: %s', (entry, words) => {
    expect(refusal({ yaml: `windows:\n  - ${entry}\n` })).toContain(words);
  });

  it.each([
    ['{ name: a, from: 2026-12-20 }', 'from goes with to'],
    ['{ name: a, from: 2026-12-20, to: 2026-13-40 }', 'is no such date'],
    ['{ name: a, calendar: x }', 'needs a duration'],
    ['{ name: a }', 'needs one of calendar, rrule, or from and to'],
  ])('a blackout %s is refused: %s', (entry, words) => {
    expect(refusal({ yaml: `blackouts:\n  - ${entry}\n` })).toContain(words);
  });
});

describe('NODE_TLS_REJECT_UNAUTHORIZED=0', () => {
  const env = { S: 'the-secret', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const provider =
    'auth: { oidc: [{ name: sso, issuer: "https://sso.example", client_id: c, client_secret: "env:S", roles: {} }] }\n';

  it('is refused in production, and where a provider lets people in', () => {
    expect(refusal({ ...home('production: true'), env })).toContain('turns off what home relies on');
    expect(refusal({ yaml: provider, env })).toContain('turns off what sso relies on');
    expect(refusal({ ...home(), env })).toBe('accepted');
    expect(refusal({ ...home('production: true'), env: { ...env, NODE_TLS_REJECT_UNAUTHORIZED: '1' } })).toBe(
      'accepted',
    );
  });
});
