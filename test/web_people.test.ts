import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerCode } from '../src/identity/index.ts';
import { DEFAULT_AUTH } from '../src/kernel/config_auth.ts';
import { Secret } from '../src/kernel/secret.ts';
import { codeAt, movable, PASSWORD } from './http/browser.ts';
import { BOOTSTRAP, Service, STOP } from './http/support.ts';
import { CLIENT, listening, realProvider } from './support/identity_provider.ts';

/** Signing in and one's own account, in a real browser. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const present = existsSync(CHROMIUM);
const PHONE = { width: 360, height: 740 };

if (!present && process.env['REQUIRE_ALL'] === '1') {
  it('has chromium, because REQUIRE_ALL=1', () =>
    expect.fail(`there is no ${CHROMIUM}; install chromium or set CHROMIUM`));
}

describe.skipIf(!present)(`people on the page (needs chromium at ${CHROMIUM})`, () => {
  let service: Service;
  let browser: Browser;
  let url = '';
  const clock = movable();
  const complaints: string[] = [];
  const ends: { close(): Promise<void> }[] = [];

  const open = async (path = '/', options: { phone?: boolean } = {}): Promise<Page> => {
    const context = await browser.newContext(
      options.phone === true ? { viewport: PHONE, colorScheme: 'dark' } : { viewport: { width: 1280, height: 900 } },
    );
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(url + path);
    return page;
  };
  const fits = (page: Page): Promise<boolean> => page.evaluate('document.documentElement.scrollWidth <= innerWidth');
  const stored = (page: Page): Promise<number> => page.evaluate('localStorage.length + sessionStorage.length');
  const signIn = async (page: Page, name: string): Promise<void> => {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  };
  const guests = (page: Page) => page.getByRole('region', { name: 'Guests', exact: true });
  const account = async (page: Page) => {
    await page.getByRole('button', { name: /^Account/ }).click();
    return page.getByRole('dialog');
  };
  const invite = async (name: string): Promise<string> => {
    const body = { name, grants: { '*': 'approver' } };
    const { json } = await service.ask('POST /v1/people', { token: BOOTSTRAP, body });
    return `/#invite=${(json['invitation'] as { code: string }).code}`;
  };
  const join = async (name: string, options: { phone?: boolean } = {}): Promise<Page> => {
    const page = await open(await invite(name), options);
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Begin' }).click();
    await guests(page).waitFor();
    return page;
  };

  beforeAll(async () => {
    const real = await listening();
    const provider = {
      name: 'sso',
      issuer: real.url,
      clientId: CLIENT.id,
      clientSecret: new Secret(CLIENT.secret),
      scopes: ['openid', 'profile'],
      claim: 'groups',
      roles: { admins: { '*': 'admin' as const } },
    };
    service = await Service.start({ clock, auth: { ...DEFAULT_AUTH, oidc: [provider] } });
    url = service.url.replace('127.0.0.1', 'localhost');
    const accounts = { ana: { preferred_username: 'ana', groups: ['admins'] }, cat: { preferred_username: 'cat' } };
    real.serve(realProvider(real.url, `${url}/v1/session/oidc/sso/callback`, accounts));
    ends.push(real);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await service?.close();
    for (const end of ends) await end.close();
  });

  it('makes the owner, who sets a password and is signed in by a cookie from then on', async () => {
    const page = await open(`/#owner=${(await ownerCode(service.app.identity)) ?? ''}`);
    await page.getByRole('heading', { name: 'You are the owner' }).waitFor();
    await page.getByLabel('Your password').fill('short');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByText('must have 12 characters or more').waitFor();
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Set the password' }).click();
    await guests(page).waitFor();
    expect(await stored(page)).toBe(0);
    await page.reload();
    await guests(page).waitFor();
    await (await account(page)).getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await signIn(page, 'owner');
    await guests(page).waitFor();
  });

  it('lets somebody in who was invited, once, on a phone', async () => {
    const link = await invite('ana');
    const page = await open(link, { phone: true });
    await page.getByRole('heading', { name: 'Welcome, ana' }).waitFor();
    expect(await fits(page)).toBe(true);
    expect(page.url()).toBe(`${url}/`);
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Begin' }).click();
    await guests(page).waitFor();
    const dialog = await account(page);
    await dialog.getByText('all (approver)').waitFor();
    expect(await fits(page)).toBe(true);
    const again = await open(link, { phone: true });
    await again.getByRole('heading', { name: 'cannot be used any more' }).waitFor();
    await again.getByRole('button', { name: 'Go on to signing in' }).click();
    await again.getByLabel('Password').waitFor();
    expect(await fits(again)).toBe(true);
  });

  it('sets an authenticator up, shows recovery codes once, and asks for the code', async () => {
    const page = await join('ben');
    const dialog = await account(page);
    expect(await dialog.getByRole('button', { name: 'Set up an authenticator' }).getAttribute('aria-disabled')).toBe(
      'true',
    );
    await dialog.getByLabel('Current password').fill(PASSWORD);
    await dialog.getByRole('button', { name: 'Set up an authenticator' }).click();
    await dialog.getByRole('img', { name: 'QR code for the authenticator' }).waitFor();
    const secret = await dialog.getByLabel('Secret').inputValue();
    expect(await dialog.getByRole('link').getAttribute('href')).toContain(`secret=${secret}`);
    await dialog.getByLabel('The code that it shows now').fill(codeAt(secret, clock));
    await dialog.getByRole('button', { name: 'Turn it on' }).click();
    const codes = dialog.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem');
    await codes.first().waitFor();
    expect(await codes.count()).toBe(10);
    const recovery = (await codes.first().textContent()) ?? '';
    await dialog.getByRole('button', { name: 'I have kept them' }).click();
    await dialog.getByRole('button', { name: 'Sign out' }).click();

    await signIn(page, 'ben');
    await page.getByLabel('Code of your authenticator').fill('000000');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('The code does not fit', { exact: false }).waitFor();
    clock.advance(30_000);
    await page.getByLabel('Code of your authenticator').fill(codeAt(secret, clock));
    await page.getByRole('button', { name: 'Go on' }).click();
    await guests(page).waitFor();

    const other = await open();
    await signIn(other, 'ben');
    await other.getByLabel('Code of your authenticator').fill(recovery);
    await other.getByRole('button', { name: 'Go on' }).click();
    await guests(other).waitFor();
    const sessions = (await account(other)).getByRole('list', { name: 'Sessions' });
    await sessions
      .getByRole('button', { name: /^End the session/ })
      .first()
      .click();
    await sessions.getByRole('button', { name: /^End the session/ }).waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  it('adds a passkey, signs in with it and approves with it', async () => {
    const page = await join('cat');
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
      },
    });
    const dialog = await account(page);
    await dialog.getByLabel('Current password').fill(PASSWORD);
    await dialog.getByLabel('Name of the new one').fill('this laptop');
    await dialog.getByRole('button', { name: 'Add a passkey' }).click();
    await dialog.getByRole('button', { name: 'I have kept them' }).click();
    await dialog.getByText('this laptop').waitFor();
    await dialog.getByRole('button', { name: 'Use a passkey' }).click();
    await dialog.getByText('shown just now', { exact: false }).waitFor();
    await dialog.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await guests(page).waitFor();

    const agent = await service.token('operator', 'agent');
    const { json } = await service.ask('POST /v1/actions/plan', { token: agent, body: STOP });
    await page.goto(`${url}/?plan=${String(json['plan_id'])}`);
    await page.getByRole('button', { name: 'Approve with a passkey' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Apply', exact: true }).waitFor();
    const plan = await service.ask(`GET /v1/plans/${String(json['plan_id'])}`, { token: BOOTSTRAP });
    expect(plan.json['approvals']).toMatchObject([{ method: 'passkey', by: { name: 'cat', via: 'web' } }]);
  });

  it('signs in at a provider, and says so when that gives no rights', async () => {
    const page = await open();
    const at = async (name: string): Promise<void> => {
      await page.getByRole('link', { name: 'Sign in with sso' }).click();
      await page.getByPlaceholder('Enter any login').fill(name);
      await page.getByPlaceholder('and password').fill('x');
      await page.getByRole('button').click();
    };
    await at('ana');
    await guests(page).waitFor();
    expect(await stored(page)).toBe(0);
    const dialog = await account(page);
    await dialog.getByText('ana@sso').first().waitFor();
    await dialog.getByText('You sign in at', { exact: false }).waitFor();
    expect(await dialog.getByRole('button', { name: /password/ }).count()).toBe(0);
    const other = await open();
    await other.getByRole('link', { name: 'Sign in with sso' }).click();
    await other.getByPlaceholder('Enter any login').fill('cat');
    await other.getByPlaceholder('and password').fill('x');
    await other.getByRole('button').click();
    await other.getByText('nothing gives you rights here', { exact: false }).waitFor();
  });

  it('gave every control a name, also on a phone in the dark', async () => {
    const page = await join('dora', { phone: true });
    const dialog = await account(page);
    await dialog.getByRole('button', { name: 'Change the password' }).waitFor();
    await dialog.getByLabel('Current password').fill(PASSWORD);
    await dialog.getByRole('button', { name: 'Change the password' }).click();
    await dialog.getByLabel('New password').waitFor();
    expect(await fits(page)).toBe(true);
    const nameless = await page.locator('button, input, select, textarea').evaluateAll((controls) =>
      controls
        .filter((control) => {
          const labels = (control as unknown as { labels?: ArrayLike<unknown> | null }).labels;
          return !control.textContent?.trim() && !control.getAttribute('aria-label') && !labels?.length;
        })
        .map((control) => control.outerHTML),
    );
    expect(nameless).toEqual([]);
  });

  it('never complained', () => {
    expect(complaints).toEqual([]);
  });
});
