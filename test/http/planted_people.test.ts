import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { armor, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { Secret, TOTP } from 'otpauth';
import { afterAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/harness.ts';
import { Running } from '../support/processes.ts';

/**
 * What people show when they sign in (and what they show in the wrong place), planted in a server of its own and looked
 * for in everything that it says and keeps.
 */
const directory = temporaryDirectory();
const data = join(directory.path, 'data');
const planted = new Map<string, string>();
const plant = (what: string, secret: unknown): string => {
  expect(secret, what).toMatch(/^\S{6,}$/);
  planted.set(what, String(secret));
  return String(secret);
};
const outputs: string[] = [];
let server: Running;
let url = '';
afterAll(async () => {
  await server?.stop();
  directory.remove();
});

/** A browser's requests; `quiet` answers are those that are there to show a secret once. */
class Visitor {
  cookie = '';
  csrf = '';

  async ask(line: string, body?: unknown, headers: Record<string, string> = {}, quiet = false) {
    const [method = '', path = ''] = line.split(' ');
    const answer = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.cookie === '' ? {} : { Cookie: `pxa_session=${this.cookie}` }),
        ...(this.csrf === '' ? {} : { 'X-CSRF-Token': this.csrf }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    for (const line of answer.headers.getSetCookie()) {
      const value = /^pxa_session=([\w-]+);/.exec(line)?.[1];
      if (value !== undefined) this.cookie = plant(`session ${planted.size}`, value);
    }
    if (!quiet) outputs.push(`${method} ${path.slice(0, 40)}: ${text}`);
    const json =
      /json\b/.test(answer.headers.get('content-type') ?? '') && text !== '' && !path.includes('export')
        ? (JSON.parse(text) as Record<string, unknown>)
        : {};
    if (typeof json['csrf'] === 'string') this.csrf = json['csrf'];
    return { status: answer.status, json };
  }
}
const codeOf = (secret: string): string => new TOTP({ secret: Secret.fromBase32(secret) }).generate();
const PASSWORD = 'pl4nted-harbour-47';

async function configure(): Promise<Record<string, string>> {
  const identity = await generateIdentity();
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  const secret = plant('age secret', 'pl4nted-age-5ecret');
  writeFileSync(join(directory.path, 'home.age'), armor.encode(await encrypter.encrypt(secret)));
  writeFileSync(
    join(directory.path, 'proxmox-agent.yaml'),
    `environments:
  - { name: home, endpoint: 'https://127.0.0.1:1', token: { id: 'a@pve!home', secret: 'age:home.age' } }
auth:
  oidc:
    - { name: sso, issuer: 'http://127.0.0.1:1', client_id: c, client_secret: 'env:OIDC', roles: { a: { '*': admin } } }
`,
  );
  return {
    PROXMOX_AGENT_AGE_IDENTITY: plant('age identity', identity),
    OIDC: plant('client secret', 'pl4nted-oidc-5ecret'),
    PROXMOX_AGENT_LOG: 'debug',
    PROXMOX_AGENT_CONFIG: join(directory.path, 'proxmox-agent.yaml'),
    PROXMOX_AGENT_BOOTSTRAP_TOKEN: '',
  };
}

async function owner(code: string): Promise<Visitor> {
  const visitor = new Visitor();
  const made = await visitor.ask('POST /v1/owner', { code }, {}, true);
  const token = plant('owner token', made.json['token']);
  await visitor.ask('POST /v1/owner', { code });
  const headers = { Authorization: `Bearer ${token}` };
  const body = { password: plant('password', PASSWORD) };
  expect((await visitor.ask('PUT /v1/me/password', body, headers)).status).toBe(204);
  expect((await visitor.ask('POST /v1/session', { name: 'owner', password: PASSWORD })).status).toBe(200);
  const begun = await visitor.ask('POST /v1/me/totp', { current_password: PASSWORD }, {}, true);
  const secret = plant('authenticator', begun.json['secret']);
  // A code has six digits: too few to be looked for, and worth nothing once it was used.
  const on = await visitor.ask('POST /v1/me/totp/confirm', { code: codeOf(secret) }, {}, true);
  for (const [at, recovery] of (on.json['recovery_codes'] as string[]).entries()) plant(`recovery ${at}`, recovery);
  expect((await visitor.ask('POST /v1/session/step-up', { factor: planted.get('recovery 0') })).status).toBe(200);
  return visitor;
}

/** What is shown in the wrong field, the wrong place or the wrong form. */
async function slips(visitor: Visitor): Promise<void> {
  const nobody = new Visitor();
  const wrong = plant('mistyped password', 'pl4nted-mistyped-58');
  await nobody.ask('POST /v1/session', { name: wrong, password: 'x' });
  await nobody.ask('POST /v1/session', { name: 'owner', password: wrong });
  await nobody.ask('POST /v1/session', { name: 'owner', password: { is: wrong } });
  await nobody.ask('POST /v1/session', { name: 'owner', password: PASSWORD, factor: planted.get('recovery 0') });
  await nobody.ask('POST /v1/login', { name: 'owner', password: wrong, token: { name: 'x', expires_in: '7d' } });
  await visitor.ask('PUT /v1/me/password', { password: 'short', current_password: wrong });
  await visitor.ask('PUT /v1/me/password', { password: `owner${wrong}`.slice(0, 11), current_password: PASSWORD });
  await nobody.ask('POST /v1/invitation', { code: plant('guessed link', 'pl4nted-guessed-link'), password: wrong });
  await nobody.ask('GET /v1/me', undefined, { Authorization: `Basic ${wrong}` });
  await nobody.ask('GET /v1/me', undefined, { Authorization: `Bearer ${wrong}` });
  await nobody.ask(`GET /v1/session/oidc/sso/callback?code=${plant('oidc code', 'pl4nted-code')}&state=x`);
  await nobody.ask('GET /v1/session/oidc/sso');
}

async function others(visitor: Visitor): Promise<void> {
  const invited = await visitor.ask('POST /v1/people', { name: 'ana', grants: { '*': 'admin' } }, {}, true);
  const link = plant('invitation', (invited.json['invitation'] as { code: string }).code);
  const ana = new Visitor();
  await ana.ask('POST /v1/invitation', { code: link });
  const password = plant('her password', 'pl4nted-lagoon-62');
  expect((await ana.ask('POST /v1/invitation', { code: link, password })).status).toBe(200);
  const own = await ana.ask('POST /v1/me/tokens', { name: 'own', role: 'admin', class: 'agent' }, {}, true);
  const token = plant('her token', own.json['token']);
  await ana.ask(`GET /v1/tokens/x?token=${token}`);
  await visitor.ask('GET /v1/people');
  const body = { name: 'ci', role: 'viewer', class: 'service' };
  const made = await visitor.ask('POST /v1/tokens', body, { 'Idempotency-Key': 'one' }, true);
  const ci = plant('token', made.json['token']);
  await visitor.ask('POST /v1/tokens', body, { 'Idempotency-Key': 'one' });
  await ana.ask('GET /v1/me', undefined, { Authorization: `Bearer ${ci}` });
  await visitor.ask(`DELETE /v1/tokens/${String(made.json['id'])}`);
  await ana.ask('GET /v1/me', undefined, { Authorization: `Bearer ${ci}` });
  const id = String(invited.json['id']);
  const reset = await visitor.ask(`POST /v1/people/${id}/reset`, {}, {}, true);
  plant('second invitation', (reset.json['invitation'] as { code: string }).code);
}

it('what people show is found in nothing that the server says or keeps', { timeout: 60_000 }, async () => {
  server = new Running('serve', ['--data', data, '--port', '0'], await configure());
  url = (await server.printed(/listens on (\S+)/))[1] ?? '';
  const code = plant('owner link', /#owner=(\S+)/.exec(server.output)?.[1]);
  const visitor = await owner(code);
  await slips(visitor);
  await others(visitor);
  for (const path of [
    '/v1/session',
    '/v1/me',
    '/v1/me/passkeys',
    '/v1/me/tokens',
    '/v1/sessions',
    '/v1/people',
    '/v1/tokens',
    '/v1/secrets',
    '/v1/environments',
    '/v1/audit?after=0&limit=500',
    '/v1/audit/export',
    '/metrics',
  ]) {
    const { status } = await visitor.ask(`GET ${path}`);
    expect(status, path).toBe(200);
  }
  outputs.push(readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8'));
  // While it runs, with the write-ahead log, and after it.
  const files = () =>
    readdirSync(data)
      .filter((name) => name !== 'pid')
      .map((name) => `${name}: ${readFileSync(join(data, name)).toString('latin1')}`);
  outputs.push(...files());
  expect(await server.stop()).toBe(0);
  outputs.push(...files());
  // The greeting shows the owner's link, twice, to who started the server.
  outputs.push(server.output.replaceAll(code, ''));
  expect(server.output.split(code)).toHaveLength(3);
  expect(planted.size).toBeGreaterThan(25);
  expect(outputs.some((text) => text.includes('auth.token.refused'))).toBe(true);
  for (const [what, secret] of planted)
    for (const text of outputs)
      for (const form of [
        secret,
        secret.replaceAll('-', ''),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('hex'),
        encodeURIComponent(secret),
      ])
        expect(text.includes(form), `${what} in ${text.slice(0, 200)}`).toBe(false);
});
