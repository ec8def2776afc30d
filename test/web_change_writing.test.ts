import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeAt, enrol, join, movable, PASSWORD } from './http/browser.ts';
import { BOOTSTRAP, lab, Service } from './http/support.ts';

/** Writing changes on the page, in a real browser, against a real server with two labs. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const absent = !existsSync(CHROMIUM) && process.env['REQUIRE_ALL'] !== '1';
const DESK = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' } as const;
const LONG = { timeout: 60_000 };

describe.skipIf(absent)(`writing changes on the page (needs chromium at ${CHROMIUM})`, () => {
  const clock = movable();
  let service: Service;
  let browser: Browser;
  let token: string;
  const complaints: string[] = [];
  beforeAll(async () => {
    service = await Service.start({ environments: [lab('lab'), lab('other')], clock });
    token = await service.token('admin');
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  const api = async (line: string, body?: object): Promise<Record<string, unknown>> =>
    (await service.ask(line, { token, body })).json;
  async function open(path: string, options: BrowserContextOptions = DESK, as = token): Promise<Page> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(20_000);
    if (as !== '') await context.addInitScript((text) => sessionStorage.setItem('proxmox-agent.token', text), as);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(service.url)) complaints.push(request.url());
    });
    await page.goto(service.url + path);
    return page;
  }
  const write = async (page: Page, label: string, text: string): Promise<void> =>
    page.getByLabel(label, { exact: true }).fill(text);
  const make = async (more: object = {}): Promise<string> =>
    String(
      (await api('POST /v1/changes', { title: 'Move the DNS', notes: 'n', environments: ['lab'], ...more }))['id'],
    );

  it('writes a whole change, says what is wrong by field, and loses nothing on the way', LONG, async () => {
    const page = await open('/changes');
    await page.getByRole('button', { name: 'Write a new change' }).click();
    await write(page, 'Summary', 'The household asks one machine.\n\nA **second** one helps.');
    await write(page, 'In scope', '- A second server\n- Settings\n  - both addresses');
    await write(page, 'Out of scope', 'Names for guests');
    await write(page, 'Risks', 'Names do not resolve');
    await write(page, 'Mitigations', 'Short lifetimes');
    await page.getByLabel('Risk level').selectOption('medium');
    await page.getByRole('button', { name: 'Add an impact' }).click();
    await write(page, 'On, impact 1', 'Household');
    await write(page, 'Effect, impact 1', 'a minute without names');
    await write(page, 'Rollback plan', 'Hand out the old address');
    await page.getByRole('button', { name: 'Add a criterion' }).click();
    await write(page, 'What has to be true, criterion 1', 'Port 53 answers');
    await page.getByLabel('It passes when, criterion 1').selectOption('tcp');
    await write(page, 'Host', 'dns.lab');
    await write(page, 'Port', '0');
    await page.getByLabel('internal-dns').check();
    await page.getByRole('button', { name: 'Write it down' }).click();
    // The title is missing, and the port is none: each said at its field, and the first has the focus.
    await page.getByText('entry 1, check port: must be 1 or more').waitFor();
    expect(await page.getByLabel('Title (required)').getAttribute('aria-invalid')).toBe('true');
    expect(await page.evaluate('document.activeElement.getAttribute("aria-invalid")')).toBe('true');
    // A reload loses nothing.
    await page.reload();
    await page.getByText('What you wrote before is here again').waitFor();
    expect(await page.getByLabel('Summary', { exact: true }).inputValue()).toContain('A **second** one helps.');
    await page.getByLabel('Title (required)').fill('Two machines for the DNS');
    await write(page, 'Port', '53');
    // A server that does not answer loses nothing either.
    await page.route('**/v1/changes', (route) => route.abort());
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.getByText('The server does not answer').waitFor();
    expect(await page.getByLabel('Title (required)').inputValue()).toBe('Two machines for the DNS');
    await page.unroute('**/v1/changes');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.getByRole('heading', { name: /CC-\d+ Two machines for the DNS/ }).waitFor();
    const id = new URL(page.url()).searchParams.get('change') ?? '';
    expect(await api(`GET /v1/changes/${id}`)).toMatchObject({
      summary: 'The household asks one machine.\n\nA **second** one helps.',
      scope: {
        in: [{ text: 'A second server' }, { text: 'Settings', lines: [{ text: 'both addresses' }] }],
        out: [{ text: 'Names for guests' }],
      },
      risk: { level: 'medium', identified: [{ text: 'Names do not resolve' }] },
      impact: [{ on: 'Household', effect: 'a minute without names' }],
      validation: [{ text: 'Port 53 answers', check: { kind: 'tcp', host: 'dns.lab', port: 53 } }],
      environments: ['lab'],
      runbooks: ['internal-dns'],
    });
    // The next one begins empty.
    await page.goto(`${service.url}/changes?change=new`);
    expect(await page.getByLabel('Title (required)').inputValue()).toBe('');
  });

  it('keeps no draft for whoever comes after a sign-out', LONG, async () => {
    const page = await open('/changes?change=new');
    await write(page, 'Notes', 'not for others');
    const drafts = (): Promise<number> =>
      page.evaluate('Object.values(sessionStorage).filter((text) => text.includes("not for others")).length');
    expect(await drafts()).toBe(1);
    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await drafts()).toBe(0);
  });

  it('says that somebody else rewrote it, shows what, and keeps both', LONG, async () => {
    const id = await make({ summary: 'as it was', phase: 'one' });
    const page = await open(`/changes?change=${id}`);
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await write(page, 'Summary', 'mine');
    await write(page, 'Date', 'on Saturday');
    await api(`PATCH /v1/changes/${id}`, { summary: 'theirs', phase: 'two' });
    const note = page.getByText(`${id} was rewritten while you wrote.`);
    await note.waitFor();
    await page.getByText('New there: Phase, Summary.').waitFor();
    await page.getByText('theirs', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Save' }).getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('button', { name: 'Keep what I wrote' }).click();
    await note.waitFor({ state: 'detached' });
    expect(await page.getByLabel('Phase', { exact: true }).inputValue()).toBe('two');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
    expect(await api(`GET /v1/changes/${id}`)).toMatchObject({ summary: 'mine', phase: 'two', date: 'on Saturday' });
  });

  it('is refused by the server where the page has not heard of it yet, and goes on', LONG, async () => {
    const id = await make();
    const page = await open(`/changes?change=${id}&edit=true`);
    await write(page, 'Notes', 'mine');
    // Somebody is faster by a moment.
    await page.route(`**/v1/changes/${id}`, async (route) => {
      if (route.request().method() === 'PATCH') await api(`PATCH /v1/changes/${id}`, { role: 'Owner' });
      await route.continue();
    });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('was changed meanwhile; look at it again').waitFor();
    await page.unroute(`**/v1/changes/${id}`);
    await page.getByText('New there: Role.').waitFor();
    await page.getByRole('button', { name: 'Keep what I wrote' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
    expect(await api(`GET /v1/changes/${id}`)).toMatchObject({ notes: 'mine', role: 'Owner' });
  });

  it('proposes a plan for a change, which then stands there', LONG, async () => {
    const id = await make();
    const page = await open(`/changes?change=${id}`);
    await page.getByRole('link', { name: 'Plan something for this change' }).click();
    expect(await page.getByLabel('Change record').inputValue()).toBe(id);
    await page.getByLabel('Action').selectOption('vm.start');
    await page.getByLabel('Target').fill('vm/302');
    await page.getByRole('button', { name: 'Plan it' }).click();
    await page.getByText('PUT').or(page.getByText('POST')).first().waitFor();
    await page.goto(`${service.url}/changes?change=${id}`);
    await page.getByRole('heading', { name: 'Plans (1)' }).waitFor();
  });

  it('stands in the calendar on its day', LONG, async () => {
    const day = new Date(clock.now() + 3 * 86_400_000).toISOString().slice(0, 10);
    const id = await make({ title: 'New switch', date: day });
    const page = await open('/calendar');
    await page.getByRole('link', { name: `${id} New switch` }).click();
    await page.getByRole('heading', { name: `${id} New switch` }).waitFor();
  });

  it('asks for the second factor where the own approval needs it', LONG, async () => {
    const ana = await join(service, BOOTSTRAP, 'ana', { '*': 'approver' });
    const { secret } = await enrol(ana.browser, clock);
    const made = { title: 'Risky', environments: ['lab'], risk: { level: 'high', identified: [], mitigations: [] } };
    const { json } = await ana.browser.ask('POST /v1/changes', made);
    clock.advance(6 * 60_000);
    const page = await open('/', DESK, '');
    await page.getByLabel('Name').fill('ana');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByLabel(/[Cc]ode/).fill(codeAt(secret, clock));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Guests' }).waitFor();
    clock.advance(6 * 60_000);
    await page.goto(`${service.url}/changes?change=${String(json['id'])}`);
    await page.getByRole('button', { name: 'Approve', exact: true }).click();
    await page.getByLabel('Beginning of the digest').fill(String(json['digest']).slice(0, 8));
    await page.getByLabel('Second factor').fill(codeAt(secret, clock));
    await page.getByRole('button', { name: 'Approve', exact: true }).click();
    await page.getByText('with password+totp').waitFor();
  });

  it('says on the overview that the review of an emergency is late, until it is written', LONG, async () => {
    const id = await make({ title: 'The disk was full', category: 'emergency' });
    for (const status of ['in_progress', 'completed']) await api(`POST /v1/changes/${id}/status`, { status });
    const page = await open('/');
    await page.getByRole('heading', { name: 'Guests' }).waitFor();
    expect(await page.getByText('review overdue').count()).toBe(0);
    clock.advance(6 * 86_400_000);
    await page.reload();
    await page.getByText('1 review overdue:').waitFor();
    await page.getByRole('link', { name: `${id} The disk was full` }).click();
    await page.getByText('Overdue: it was due').waitFor();
    // What is being said is not lost on a reload either.
    await page.getByLabel('What was learned').fill('alarms are set now');
    await page.reload();
    await page.getByRole('button', { name: 'Keep the review' }).click();
    await page.getByText('alarms are set now').waitFor();
    await page.goto(service.url);
    await page.getByRole('heading', { name: 'Guests' }).waitFor();
    expect(await page.getByText('review overdue').count()).toBe(0);
  });

  it('fits a phone in the dark, and tells who may only look', LONG, async () => {
    const id = await make();
    for (const path of ['/changes?change=new', `/changes?change=${id}&edit=true`, `/changes?change=${id}`]) {
      const page = await open(path, PHONE);
      await page.getByRole('article').waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }
    const page = await open(`/changes?change=${id}&edit=true`, DESK, await service.token('viewer'));
    await page.getByText('Your role is viewer: it can look, not change.').last().waitFor();
    const unnamed = await page.evaluate(
      '[...document.querySelectorAll("main input, main select, main textarea")].filter((one) => one.labels.length === 0).length',
    );
    expect(unnamed).toBe(0);
  });

  it('complained of nothing and talked to nobody else', () => {
    expect(complaints).toEqual([]);
  });
});
