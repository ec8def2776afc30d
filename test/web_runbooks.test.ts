import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service } from './http/support.ts';

/** The runbooks of the page in a real browser, against a real server with the example lab. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const absent = !existsSync(CHROMIUM) && process.env['REQUIRE_ALL'] !== '1';
const VALUES = {
  environment: 'lab',
  template: '9000',
  vmid: '778',
  name: 'wiki',
  address: '192.168.30.78/24',
  gateway: '192.168.30.1',
  user: 'ana',
  ssh_key: 'ssh-ed25519 AAAAC3Nza ana@desk',
  tag: 'wiki',
};

describe.skipIf(absent)(`runbooks on the page (needs chromium at ${CHROMIUM})`, () => {
  let service: Service;
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    service = await Service.start();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  /** The page, signed in with the keyboard alone. */
  async function open(token: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(service.url)) complaints.push(request.url());
    });
    await page.goto(service.url);
    await page.getByRole('button', { name: 'Use a token' }).press('Enter');
    await page.getByLabel('API token').fill(token);
    await page.keyboard.press('Enter');
    // On the overview stands what is under way; what could be started has a page of its own.
    await page.getByRole('heading', { name: 'Guests' }).waitFor();
    expect(await page.getByText('Install a Proxmox VE host').count()).toBe(0);
    await page.getByRole('link', { name: 'Runbooks' }).click();
    await page.getByRole('heading', { name: 'Runbooks' }).waitFor();
    return page;
  }

  it('starts one, answers, runs a change and shows what became of it', { timeout: 60_000 }, async () => {
    const page = await open(await service.token('admin'), { viewport: { width: 1280, height: 900 } });
    await page.getByText('No runbook was started yet.').waitFor();
    await page.getByRole('link', { name: 'Provision a VM from a template' }).click();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('is missing: Name of the VM, as in DNS, without the domain.').waitFor();
    for (const [name, value] of Object.entries(VALUES)) await page.getByLabel(new RegExp(`^${name}( |$)`)).fill(value);
    await page.getByLabel('Change record').fill('CC-001');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('0 of 7').first().waitFor();
    // Evidence is asked for, so a bare yes is not possible, and the reason stands there.
    await page.getByText('Say what was seen first.').waitFor();
    await page.getByLabel('What was seen').fill('free, and <b>written</b> down');
    await page.getByRole('button', { name: 'Yes' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Run this step' }).click();
    await page.getByText('2 of 7').first().waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Run this step' }).click();
    await page.getByText('3 of 7').first().waitFor();
    await page.getByText('1. Check name, number and address').click();
    // What a person typed is text.
    await page.getByText('free, and <b>written</b> down', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Report' }).click();
    await page.locator('pre[aria-label=Report]').filter({ hasText: 'CC-001' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Step 4: Log in and look at the first boot').waitFor();
    await page.goto(service.url);
    const underWay = page.getByRole('region', { name: 'Runbooks under way' });
    await underWay.getByText('Step 4: Log in and look at the first boot').waitFor();
    await underWay.getByRole('link', { name: 'Provision a VM from a template' }).click();
    await page.getByRole('dialog').getByText('3 of 7').waitFor();
  });

  it('fits a phone in the dark, and says why an agent cannot answer', { timeout: 60_000 }, async () => {
    const options = { viewport: { width: 360, height: 740 }, colorScheme: 'dark' } as const;
    const page = await open(await service.token('operator', 'agent'), options);
    // The run that was begun above, not the runbook of the same name, which is there sooner.
    await page.locator('#runbooks li', { hasText: '3 of 7' }).getByRole('link').click();
    await page.getByText('4. Log in and look at the first boot').waitFor();
    await page.getByText('Only a person can; this token is of class agent.').first().waitFor();
    const wide = await page.evaluate(
      '[document.documentElement, ...document.querySelectorAll("dialog")].filter((one) => one.scrollWidth > innerWidth).length',
    );
    expect(wide).toBe(0);
  });

  it('shows why the runbooks cannot be read, and complains of nothing', { timeout: 60_000 }, async () => {
    const page = await open(await service.token('viewer'));
    await page.route('**/v1/runbooks', (route) => route.abort());
    await page.reload();
    await page.getByText('the runbooks could not be read').waitFor();
    expect(complaints).toEqual([]);
  });
});
