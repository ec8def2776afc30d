import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type Server } from './support/program.ts';
import { CHANGE, CONFIGURATION, RULES } from './support/web_lab.ts';

/** The page in a real browser, against a real server with the example lab. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const present = existsSync(CHROMIUM);
const required = process.env['REQUIRE_ALL'] === '1';
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 900 };

interface View {
  /** Token to be signed in with; empty: nobody. */
  readonly as?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
}

interface Guest {
  readonly vmid: number;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly template?: number;
}

if (!present && required) {
  it('has chromium, because REQUIRE_ALL=1', () =>
    expect.fail(`there is no ${CHROMIUM}; install chromium or set CHROMIUM`));
}

describe.skipIf(!present)(`the web page (needs chromium at ${CHROMIUM})`, () => {
  let data: string;
  let server: Server;
  let browser: Browser;
  let token: string;
  /** What a page may never do: complain, or talk to anybody but its server. */
  const complaints: string[] = [];

  const api = async <T>(method: string, path: string, body?: object, as = token): Promise<T> => {
    const headers = { authorization: `Bearer ${as}`, 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const guests = async (): Promise<Guest[]> =>
    (await api<{ guests: Guest[] }>('GET', '/v1/inventory?environment=lab')).guests;
  const template = async (): Promise<Guest> => {
    const found = (await guests()).find((guest) => guest.type === 'qemu' && guest.template === 1);
    if (found === undefined) throw new Error('the example lab has no template');
    return found;
  };
  const running = async (): Promise<Guest> => {
    const found = (await guests()).find((guest) => guest.type === 'qemu' && guest.status === 'running');
    if (found === undefined) throw new Error('the example lab has no running guest');
    return found;
  };

  /** A page of its own browser session, signed in with `as` unless that is empty. */
  const open = async (path = '/', { as = token, viewport = DESK, colorScheme = 'light' }: View = {}): Promise<Page> => {
    const context = await browser.newContext({ viewport, colorScheme });
    // Below the limit of a test, so that a failure names the step that waited.
    context.setDefaultTimeout(20_000);
    if (as !== '') await context.addInitScript((text) => sessionStorage.setItem('proxmox-agent.token', text), as);
    const page = await context.newPage();
    page.on('console', (message) => {
      // A refused request is told on the page; anything else, such as a breach of the policy, is a fault.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (response.status() >= 400 && !pathname.startsWith('/v1/')) complaints.push(`${response.status()} ${pathname}`);
    });
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== server.url) complaints.push(`request to ${request.url()}`);
    });
    await page.goto(server.url + path);
    return page;
  };
  const section = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
  const fitsWidth = (page: Page): Promise<boolean> =>
    page.evaluate('document.documentElement.scrollWidth <= innerWidth');

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'proxmox-agent-web-'));
    writeFileSync(join(data, 'rules.yaml'), RULES);
    writeFileSync(join(data, 'proxmox-agent.yaml'), CONFIGURATION);
    server = await startServer(data);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(data, { recursive: true, force: true });
  });

  it('makes the owner from the one-time link, once, and shows the token', async () => {
    const link = `/#owner=${server.ownerCode ?? ''}`;
    const page = await open(link, { as: '' });
    await page.getByRole('heading', { name: 'You are the owner' }).waitFor();
    token = await page.getByLabel('Your token').inputValue();
    expect(token).toMatch(/^pxa_/);
    expect(page.url()).toBe(`${server.url}/`);
    await page.getByRole('button', { name: /continue/ }).click();
    await section(page, 'Guests').waitFor();
    expect(await page.evaluate('localStorage.getItem("proxmox-agent.token")')).toBeNull();

    const again = await open(link, { as: '', viewport: PHONE });
    await again.getByRole('heading', { name: 'This link cannot be used any more' }).waitFor();
    expect(await fitsWidth(again)).toBe(true);
    await again.getByRole('button', { name: 'Sign in with a token' }).click();
    await again.getByLabel('API token').fill('pxa_wrong');
    await again.getByRole('button', { name: 'Sign in' }).click();
    await again.getByText('The token is not valid', { exact: false }).waitFor();
    await again.getByLabel('API token').fill(token);
    await again.getByLabel('Stay signed in', { exact: false }).check();
    await again.getByRole('button', { name: 'Sign in' }).click();
    await section(again, 'Guests').waitFor();
    expect(await again.evaluate('localStorage.getItem("proxmox-agent.token")')).toBe(token);
    await again.getByRole('button', { name: /^Account/ }).click();
    await again.getByRole('button', { name: 'Sign out' }).click();
    await again.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await again.evaluate('localStorage.length + sessionStorage.length')).toBe(0);
  });

  it('shows the lab, finds guests, and obeys the keyboard', async () => {
    const page = await open();
    await section(page, 'Environments').getByText('reachable', { exact: true }).waitFor();
    const all = await guests();
    const rows = page.getByRole('table', { name: 'Guests of lab' }).getByRole('row');
    await rows.nth(1).waitFor();
    expect(await rows.count()).toBe(Math.min(all.length, 100) + 1);
    await page.keyboard.press('/');
    const one = await running();
    await page.keyboard.type(`vm/${one.vmid} ${one.name}`);
    await page.getByRole('status').getByText(`1 of ${all.length}`).waitFor();
    expect(await rows.count()).toBe(2);
    await page.getByRole('navigation', { name: 'On this page' }).getByRole('link', { name: 'Audit' }).click();
    expect(new URL(page.url()).hash).toBe('#audit');
    const pages = page.getByRole('navigation', { name: 'Pages' });
    await pages.getByRole('link', { name: 'Runbooks' }).click();
    await page.getByRole('navigation', { name: 'On this page' }).waitFor({ state: 'detached' });
    expect(await pages.locator('[aria-current=page]').allInnerTexts()).toEqual(['Runbooks']);
    await pages.getByRole('link', { name: 'Overview' }).click();
    expect(await pages.locator('[aria-current=page]').allInnerTexts()).toEqual(['Overview']);
    await page.getByRole('button', { name: 'Propose a change', exact: true }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('proposes, applies and follows a change, live', async () => {
    const source = await template();
    const page = await open('/?propose=any');
    await page.getByRole('combobox', { name: 'Action' }).selectOption('vm.clone');
    await page.getByLabel('Target').fill(`vm/${source.vmid}`);
    await page.getByLabel('name', { exact: true }).fill('not_a_name');
    await page.getByRole('button', { name: 'Plan it' }).click();
    const name = page.getByLabel('name', { exact: true });
    await page.getByText('must be a DNS name', { exact: false }).waitFor();
    expect(await name.getAttribute('aria-invalid')).toBe('true');
    await name.fill('from-the-page');
    await page.getByRole('button', { name: 'Plan it' }).click();

    const plan = page.getByRole('dialog', { name: `vm.clone on vm/${source.vmid}` });
    await plan.getByText(`/qemu/${source.vmid}/clone`, { exact: false }).first().waitFor();
    expect(await plan.getByText('is made').first().isVisible()).toBe(true);
    await plan.getByRole('button', { name: 'Apply', exact: true }).click();
    await plan.waitFor({ state: 'detached' });
    const done = section(page, 'Finished').getByText(`vm.clone on vm/${source.vmid}`);
    await done.waitFor();
    await section(page, 'Finished')
      .getByText('checks passed', { exact: false })
      .or(section(page, 'Finished').getByText('check passed', { exact: false }))
      .first()
      .waitFor();
    await section(page, 'Guests').getByText('from-the-page').waitFor();
    await section(page, 'Audit').getByText('operation.applied').first().waitFor();
  }, 60_000); // PVE's list of guests is up to 10 s behind what happened.

  it('shows why a rehearsal failed', async () => {
    const target = await running();
    const page = await open(`/?propose=${encodeURIComponent(`vm/${target.vmid}`)}`);
    await page.getByRole('combobox', { name: 'Action' }).selectOption('disk.resize');
    await page.getByLabel('disk', { exact: false }).first().fill('scsi29');
    await page.getByLabel('size', { exact: false }).first().fill('+1G');
    await page.getByRole('button', { name: 'Plan it' }).click();
    await page.getByRole('alert').getByText('has no scsi29', { exact: false }).waitFor();
  });

  it('lets a person approve and reject, and tells an agent why it cannot', async () => {
    const target = await running();
    const stop = { environment: 'lab', action: 'vm.stop', target: `vm/${target.vmid}`, params: {} };
    const { token: agent } = await api<{ token: string }>('POST', '/v1/tokens', {
      name: 'bot',
      role: 'approver',
      class: 'agent',
    });
    const page = await open();
    await section(page, 'Plans').getByText('No plan waits', { exact: false }).waitFor();
    const { plan_id } = await api<{ plan_id: string }>('POST', '/v1/actions/plan', stop, agent);

    await section(page, 'Plans')
      .getByRole('button', { name: `Review vm.stop on vm/${target.vmid}` })
      .click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).waitFor();
    const other = await open(`/?plan=${plan_id}`, { as: agent, viewport: PHONE });
    const approve = other.getByRole('button', { name: 'Approve' });
    await other.getByText('Only a person can approve', { exact: false }).first().waitFor();
    expect(await approve.getAttribute('aria-disabled')).toBe('true');
    expect(await fitsWidth(other)).toBe(true);

    await page.getByLabel('Comment').fill('not today');
    await page.getByRole('button', { name: 'Reject' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await api<{ state: string }>('GET', `/v1/plans/${plan_id}`)).state).toBe('denied');

    const second = await api<{ plan_id: string }>('POST', '/v1/actions/plan', stop, agent);
    await section(page, 'Plans')
      .getByRole('button', { name: `Review vm.stop on vm/${target.vmid}` })
      .click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Apply', exact: true }).click();
    await section(page, 'Finished').getByText(`vm.stop on vm/${target.vmid}`).waitFor();
    const audit = await api<{
      records: { event: string; actor: { name?: string; via?: string }; ids: { plan_id?: string } }[];
    }>('GET', '/v1/audit?last=100');
    const granted = audit.records.find(
      ({ event, ids }) => event === 'approval.granted' && ids.plan_id === second.plan_id,
    );
    expect(granted?.actor.via).toBe('web');
  });

  it('shows what a rule asks for, what depends on the guest, and asks for the second factor', async () => {
    const reboot = { environment: 'lab', action: 'vm.reboot', target: 'vm/121', params: {} };
    const { plan_id } = await api<{ plan_id: string }>('POST', '/v1/actions/plan', reboot);
    const page = await open(`/?plan=${plan_id}`, { viewport: PHONE });
    const plan = page.getByRole('dialog');
    await plan.getByText('an open change window when it is applied (rule web.window)').waitFor();
    await plan.getByText('people look at it in the daytime', { exact: false }).waitFor();
    await plan.getByText('service/shop depends on vm/121: vm/121 carries it (configuration)').waitFor();
    await plan.getByText('14 of 100: 1 guest of tier 3 (2), 1 service of tier 2 (12)').waitFor();
    await plan.getByText('A normal change', { exact: false }).waitFor();
    expect(await fitsWidth(page)).toBe(true);
    await plan.getByLabel('Second factor').fill('123456');
    await plan.getByRole('button', { name: 'Approve' }).click();
    await plan.getByText('No second factor is enrolled for you', { exact: false }).waitFor();
    await api('POST', `/v1/plans/${plan_id}/cancel`, {});
    await plan.getByRole('button', { name: 'Plan it again' }).click();
    await page.waitForURL((url) => url.searchParams.get('plan') !== plan_id);
    await plan.getByText('awaiting approval').first().waitFor();
    await api('POST', `/v1/plans/${new URL(page.url()).searchParams.get('plan')}/cancel`, {});
  });

  it('takes a change from its document, and a person approves, judges and completes it', async () => {
    const page = await open('/changes', { viewport: PHONE });
    await page.getByText('There is no change yet', { exact: false }).waitFor();
    const file = page.getByLabel('Import a change');
    await file.setInputFiles({ name: 'x.md', mimeType: 'text/markdown', buffer: Buffer.from('nothing') });
    await page.getByRole('button', { name: 'Import it' }).click();
    await page.getByRole('alert').getByText('is not a change record', { exact: false }).waitFor();
    await file.setInputFiles({ name: 'CC-001.md', mimeType: 'text/markdown', buffer: Buffer.from(CHANGE) });
    await page.getByRole('button', { name: 'Import it' }).click();
    const record = page.getByRole('article', { name: 'Change CC-001' });
    await record.getByText('paused', { exact: true }).first().waitFor();
    await record.getByText('a checkpoint on purpose').first().waitFor();
    await record.getByText('No criterion has a check.').waitFor();
    await record.getByRole('button', { name: 'Approve', exact: true }).click();
    await record.getByText('owner', { exact: false }).getByText('with token', { exact: false }).waitFor();
    await record.getByRole('button', { name: 'Go on as approved' }).click();
    await record.getByRole('button', { name: 'Begin' }).click();
    await record.getByText('2 of 2 criteria have not passed.').waitFor();
    for (const n of [1, 2]) {
      const criterion = record.getByRole('listitem', { name: `Criterion ${n}` });
      await criterion.getByText('Say whether it holds').click();
      await criterion.getByLabel(`Evidence for criterion ${n}`).fill('seen');
      await criterion.getByRole('button', { name: 'It holds' }).click();
      await criterion.getByText('passed', { exact: true }).waitFor();
    }
    const saved = page.waitForEvent('download');
    await record.getByRole('button', { name: 'Export as Markdown' }).click();
    expect((await saved).suggestedFilename()).toBe('CC-001.md');
    await record.getByRole('button', { name: 'Complete' }).click();
    await record.getByText('completed', { exact: true }).first().waitFor();
    expect(await fitsWidth(page)).toBe(true);
    await record.getByRole('button', { name: 'All changes' }).click();
    await page.getByText('1 change, 1 ended', { exact: false }).waitFor();
    expect(await fitsWidth(page)).toBe(true);
  });

  it('goes on by itself when the server was away', async () => {
    const page = await open();
    await page.getByText('live', { exact: true }).waitFor();
    const { port } = new URL(server.url);
    const { plan_id } = await api<{ plan_id: string }>('POST', '/v1/actions/plan', {
      environment: 'lab',
      action: 'vm.clone',
      target: `vm/${(await template()).vmid}`,
      params: { name: 'while-away' },
    });
    await section(page, 'Plans')
      .getByRole('button', { name: /^Review vm.clone/ })
      .waitFor();
    const back = page.waitForRequest(
      (request) => request.url().endsWith('/v1/events') && request.headers()['last-event-id'] !== undefined,
    );
    await server.stop();
    await page.getByText('not connected', { exact: false }).waitFor();
    server = await startServer(data, Number(port));
    await back;
    await page.getByText('live', { exact: true }).waitFor();
    expect(server.ownerCode).toBeUndefined();
    await api('POST', `/v1/plans/${plan_id}/cancel`, {});
    await section(page, 'Plans').getByText('No plan waits', { exact: false }).waitFor();
  });

  it('fits a phone, and changes its colours', async () => {
    const page = await open('/', { viewport: PHONE, colorScheme: 'dark' });
    await page.getByRole('table', { name: 'Guests of lab' }).waitFor();
    expect(await fitsWidth(page)).toBe(true);
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await background();
    await page.getByRole('button', { name: 'Theme: auto' }).click();
    expect(await background()).not.toBe(dark);
    await page.getByRole('button', { name: 'Theme: light' }).click();
    expect(await background()).toBe(dark);
  });

  it('schedules a plan for the next window, and shows it in the calendar', async () => {
    const [stopped] = (await guests()).filter(
      ({ type, status, template: made }) => type === 'qemu' && status === 'stopped' && made !== 1,
    );
    const target = `vm/${stopped?.vmid}`;
    const body = { environment: 'lab', action: 'vm.start', target };
    const { plan_id } = await api<{ plan_id: string }>('POST', '/v1/actions/plan', body);
    const page = await open(`/?plan=${plan_id}`);
    await page.getByRole('button', { name: 'Apply in the window' }).click();
    await page.getByText('It will be applied by itself Sat', { exact: false }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Calendar' }).click();
    const link = page.getByRole('link', { name: `vm.start ${target}` });
    await link.waitFor();
    expect(await page.getByRole('cell', { name: 'Saturday night' }).count()).toBe(6);
    await link.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Take the schedule back' }).click();
    await page.getByText('It was scheduled, and taken back, for', { exact: false }).waitFor();
    await api('POST', `/v1/plans/${plan_id}/cancel`, {});
  });

  it('has a calendar that can be loaded by its address, fits a phone, and says when nothing is planned', async () => {
    const page = await open('/calendar', { viewport: PHONE, colorScheme: 'dark' });
    await page.getByRole('table').first().waitFor();
    expect(await fitsWidth(page)).toBe(true);
    await page.route('**/v1/calendar?*', (route) =>
      route.fulfill({
        json: { time_zone: 'UTC', from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z', entries: [] },
      }),
    );
    await page.reload();
    await page.getByText('Nothing is planned', { exact: false }).waitFor();
  });

  it('gave every control a name', async () => {
    const page = await open('/?propose=any');
    await page.getByRole('combobox', { name: 'Action' }).selectOption('vm.cloudinit.configure');
    await page.getByLabel('user', { exact: true }).waitFor();
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

  it('never broke its policy and never talked to anybody else', () => {
    expect(complaints).toEqual([]);
  });
});
