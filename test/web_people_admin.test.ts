import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join, PASSWORD, Browser as Person } from './http/browser.ts';
import { BOOTSTRAP, Service } from './http/support.ts';

/** People and tokens on the page, as an admin looks after them, in a real browser. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const absent = !existsSync(CHROMIUM) && process.env['REQUIRE_ALL'] !== '1';
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' };

describe.skipIf(absent)(`people and tokens on the page (needs chromium at ${CHROMIUM})`, () => {
  let service: Service;
  let browser: Browser;
  let admin = '';
  const complaints: string[] = [];
  beforeAll(async () => {
    service = await Service.twoLabs();
    admin = await service.token('admin');
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  /** The page of people for who has this token. */
  async function open(token: string, options: BrowserContextOptions = {}, path = '/people'): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(15_000);
    await context.addInitScript(`sessionStorage.setItem('proxmox-agent.token', '${token}')`);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(service.url)) complaints.push(request.url());
    });
    await page.goto(service.url + path);
    return page;
  }
  const fits = (page: Page): Promise<boolean> => page.evaluate('document.documentElement.scrollWidth <= innerWidth');
  const dialog = (page: Page) => page.getByRole('dialog').last();
  const person = (page: Page, name: string) =>
    page
      .getByRole('table', { name: 'People' })
      .getByRole('row')
      .filter({ has: page.getByRole('button', { name, exact: true }) });
  const token = (page: Page, name: string) =>
    page.getByRole('table', { name: 'Tokens' }).getByRole('row').filter({ hasText: name });
  const stateOf = async (name: string): Promise<unknown> => {
    const { people } = (await service.ask('GET /v1/people', { token: admin })).json as { people: { name: string }[] };
    return people.find((one) => one.name === name);
  };

  it('says that there is nobody yet, and how somebody with a token becomes a person', async () => {
    const page = await open(admin);
    await page.getByText('Nobody yet. Invite somebody').waitFor();
    await page.getByText('invite yourself as a person').waitFor();
  });

  it('invites by the keyboard alone, shows the link once, and the link lets in', async () => {
    const page = await open(admin);
    await page.getByRole('link', { name: 'People' }).waitFor();
    await page.getByRole('button', { name: 'Invite a person' }).press('Enter');
    await page.getByRole('button', { name: 'Invite', exact: true }).press('Enter');
    await page.getByText('Give a name first.').waitFor();
    await page.getByLabel('Name (required)').fill('Ana');
    await page.getByText('Choose a role in an environment first.').waitFor();
    await page.getByLabel('all environments').selectOption('viewer');
    await page.getByLabel('lab', { exact: true }).selectOption('approver');
    await page.getByLabel('Full name').fill('Ana <b>Example</b>');
    await page.keyboard.press('Enter');
    const link = await dialog(page).getByLabel('Link for ana').inputValue();
    expect(link).toMatch(new RegExp(`^${service.url}/#invite=[\\w-]{43}$`));
    await dialog(page).getByRole('button', { name: 'Copy' }).click();
    await dialog(page)
      .getByText(/Copied|selected/)
      .waitFor();
    await page.keyboard.press('Escape');
    await person(page, 'ana').getByText('invited').waitFor();
    await person(page, 'ana').getByText('Ana <b>Example</b>').waitFor();
    await page.getByRole('button', { name: 'ana', exact: true }).click();
    await dialog(page).getByText('has not come in yet', { exact: false }).waitFor();
    expect(await page.locator(`input[value*="invite="]`).count()).toBe(0);

    const other = await (await browser.newContext()).newPage();
    await other.goto(link);
    await other.getByLabel('Your password').fill(PASSWORD);
    await other.getByRole('button', { name: 'Begin' }).click();
    await other.getByRole('region', { name: 'Guests', exact: true }).waitFor();
    await page.reload();
    await person(page, 'ana').getByText('active').waitFor();
    await person(page, 'ana').getByText('password').waitFor();
    expect(await stateOf('ana')).toMatchObject({ grants: { '*': 'viewer', lab: 'approver' } });
  });

  it('shows what the server says of a name, at its field', async () => {
    const page = await open(admin, {}, '/people?person=new');
    await page.getByLabel('Name (required)').fill('ana');
    await page.getByLabel('all environments').selectOption('viewer');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await page.getByText('is taken', { exact: true }).waitFor();
    await page.getByLabel('Name (required)').fill('аna');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await page.getByText('must be lower-case letters', { exact: false }).waitFor();
  });

  it('changes rights, disables after a question, enables, and resets to a new link', async () => {
    const { browser: ben } = await join(service, BOOTSTRAP, 'ben', { '*': 'viewer' });
    const page = await open(admin);
    await page.getByRole('button', { name: 'ben', exact: true }).click();
    await page.getByText('Nothing is changed yet.').waitFor();
    await dialog(page).getByLabel('other', { exact: true }).selectOption('operator');
    await dialog(page).getByRole('button', { name: 'Save the rights' }).click();
    await person(page, 'ben').getByText('other: operator').waitFor();
    expect((await ben.ask('GET /v1/me')).json).toMatchObject({ grants: { '*': 'viewer', other: 'operator' } });

    await dialog(page).getByRole('list', { name: 'Sessions of ben' }).waitFor();
    await dialog(page).getByRole('button', { name: 'Disable…' }).click();
    await dialog(page).getByRole('button', { name: 'Leave it as it is' }).click();
    expect((await ben.ask('GET /v1/me')).status).toBe(200);
    await dialog(page).getByRole('button', { name: 'Disable…' }).click();
    await dialog(page).getByRole('button', { name: 'Disable ben' }).click();
    await dialog(page).getByText('ben is kept out', { exact: false }).waitFor();
    expect((await ben.ask('GET /v1/me')).status).toBe(401);
    await dialog(page).getByRole('button', { name: 'Enable' }).click();
    await dialog(page).getByText('ben can sign in', { exact: false }).waitFor();
    expect((await new Person(service).signIn('ben', PASSWORD)).status).toBe(200);

    await page.reload();
    await dialog(page).getByRole('button', { name: 'End 1 session…' }).click();
    await dialog(page).getByRole('button', { name: 'End the sessions' }).click();
    await dialog(page).getByText('ben is signed in with no browser').waitFor();
    await dialog(page).getByRole('button', { name: 'Reset…' }).click();
    await dialog(page).getByRole('button', { name: 'Reset ben' }).click();
    const link = await dialog(page).getByLabel('Link for ben').inputValue();
    expect((await new Person(service).signIn('ben', PASSWORD)).status).toBe(401);
    const code = link.split('#invite=')[1];
    expect((await new Person(service).ask('POST /v1/invitation', { code, password: PASSWORD })).status).toBe(200);
  });

  it('makes a token, shows it once, tells of its use, and revokes it after a question', async () => {
    const page = await open(admin);
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByLabel('Name (required)').fill('helper');
    await page.getByLabel('Class').selectOption('agent');
    await page.getByLabel('all, also those to come').uncheck();
    await page.getByText('Choose an environment first.').waitFor();
    await page.getByLabel('lab', { exact: true }).check();
    await page.getByLabel('Actions that it is held to').fill('VM*');
    await page.getByLabel('Ends').selectOption('30d');
    await page.getByRole('button', { name: 'Make the token' }).click();
    await page.getByText('must be such as vm.*', { exact: false }).waitFor();
    await page.getByLabel('Actions that it is held to').fill('vm.*, snapshot.create');
    await page.getByRole('button', { name: 'Make the token' }).click();
    const made = await page.getByRole('textbox', { name: 'Token helper' }).inputValue();
    expect((await service.ask('GET /v1/me', { token: made })).json).toMatchObject({
      class: 'agent',
      role: 'operator',
      environments: ['lab'],
      actions: ['vm.*', 'snapshot.create'],
    });
    await page.getByRole('button', { name: 'I have kept it' }).click();
    await page.reload();
    const row = token(page, 'helper');
    for (const text of ['agent', 'operator', 'lab', 'vm.*, snapshot.create', /^in (29|30) d$/, 'nobody’s'])
      await row.getByText(text, { exact: true }).waitFor();
    expect(await row.getByText('never').count()).toBe(0);
    expect(await page.content()).not.toContain(made);

    await page.getByRole('button', { name: 'Revoke the token helper' }).click();
    await page.getByRole('button', { name: 'Revoke it' }).click();
    await row.waitFor({ state: 'detached' });
    expect((await service.ask('GET /v1/me', { token: made })).status).toBe(401);
    await page.getByLabel(/^also 1/).check();
    await row.getByText(/^revoked/).waitFor();
    expect(await row.getByRole('button').count()).toBe(0);
  });

  it('names whose a token is, and warns before the own one is revoked', async () => {
    const { browser: dan } = await join(service, BOOTSTRAP, 'dan', { '*': 'admin' });
    const own = { name: 'of-dan', role: 'admin', class: 'human' };
    const mine = String((await dan.ask('POST /v1/me/tokens', own)).json['token']);
    const page = await open(mine);
    await token(page, 'of-dan').getByText('dan', { exact: true }).waitFor();
    await person(page, 'dan').getByText('human, you').waitFor();
    await page.getByRole('button', { name: 'dan', exact: true }).click();
    await page.getByText('This is you: nobody looks after their own rights.', { exact: false }).waitFor();
    expect(await dialog(page).getByRole('button', { name: 'Disable…' }).count()).toBe(0);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Revoke the token of-dan' }).click();
    await page.getByText('you will be signed out', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Revoke it' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  it('lets who is admin in one environment choose there only, and says why', async () => {
    const page = await open(await service.token('admin', 'human', ['lab']), {}, '/people?person=new');
    const all = page.getByLabel('all environments');
    expect(await all.isDisabled()).toBe(true);
    await page.getByText('You are not admin in all environments.').waitFor();
    expect(await page.getByLabel('lab', { exact: true }).isDisabled()).toBe(false);
    expect(await page.getByRole('button', { name: 'ana', exact: true }).count()).toBe(0);
    await page.goto(`${service.url}/people?token=new`);
    await page.getByText('You are not admin in all environments.').waitFor();
    await page.goto(`${service.url}/people?person=01900000-0000-7000-8000-000000000000`);
    await page.getByText('There is no such person among those whom you look after.').waitFor();
  });

  it.each([
    ['approver', 'human', 'Only an admin looks after people and tokens; your role is approver.'],
    ['admin', 'agent', 'Only a person looks after people and tokens; you are here with a token of class agent.'],
  ] as const)('tells who is %s, of class %s, why not, and asks the server for nothing', async (role, kind, words) => {
    const own = await service.token(role, kind);
    const page = await open(own, {}, '/healthz');
    const asked: string[] = [];
    page.on('request', (request) => void asked.push(new URL(request.url()).pathname));
    await page.goto(`${service.url}/people?person=new`);
    await page.getByText(words, { exact: false }).waitFor();
    expect(await page.getByRole('button', { name: /Invite|Make a token/ }).count()).toBe(0);
    expect(asked.filter((path) => /people\/?$|tokens/.test(path) && path.startsWith('/v1'))).toEqual([]);
  });

  it('says that it reads, and what went wrong, and tries again', async () => {
    const page = await open(admin, {}, '/healthz');
    let answer: 'late' | 'broken' | 'well' = 'late';
    let go: () => void = () => undefined;
    const waits = new Promise<void>((resolve) => {
      go = resolve;
    });
    await page.route('**/v1/people', async (route) => {
      if (answer === 'late') await waits;
      if (answer === 'well') return route.continue();
      return route.fulfill({ status: 403, json: { code: 'FORBIDDEN', title: 'No', detail: 'Not just now.' } });
    });
    await page.goto(`${service.url}/people`);
    await page.getByText('Reading the people…').waitFor();
    answer = 'broken';
    go();
    await page.getByText('Not just now.').waitFor();
    answer = 'well';
    await page.getByRole('button', { name: 'Try again' }).click();
    await person(page, 'ana').waitFor();
  });

  it('fits a phone, with a name on every control', async () => {
    for (const path of ['/people', '/people?person=new', '/people?token=new']) {
      const page = await open(admin, PHONE, path);
      await page.getByRole('heading', { name: 'Tokens' }).waitFor();
      await person(page, 'ana').waitFor();
      expect(await fits(page), path).toBe(true);
      const nameless = await page.locator('button, input, select').evaluateAll((controls) =>
        controls
          .filter((control) => {
            const labels = (control as unknown as { labels?: ArrayLike<unknown> | null }).labels;
            return !control.textContent?.trim() && !control.getAttribute('aria-label') && !labels?.length;
          })
          .map((control) => control.outerHTML),
      );
      expect(nameless).toEqual([]);
    }
  });

  it('never complained, and asked nobody but the server', () => {
    expect(complaints).toEqual([]);
  });
});
