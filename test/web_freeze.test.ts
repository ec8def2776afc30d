import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service } from './http/support.ts';

/** Stopping everything from the page in a real browser, against a real server with the example lab. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const absent = !existsSync(CHROMIUM) && process.env['REQUIRE_ALL'] !== '1';
const PHONE = { width: 360, height: 740 };

describe.skipIf(absent)(`freezing an environment on the page (needs chromium at ${CHROMIUM})`, () => {
  let service: Service;
  let browser: Browser;
  beforeAll(async () => {
    service = await Service.start();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  async function open(token: string): Promise<Page> {
    const context = await browser.newContext({ viewport: PHONE });
    await context.addInitScript((text) => sessionStorage.setItem('proxmox-agent.token', text), token);
    const page = await context.newPage();
    await page.goto(service.url);
    return page;
  }
  const dialog = (page: Page) => page.getByRole('dialog');
  const notice = (page: Page) => page.getByRole('status').getByText('lab is frozen.');

  it('says why a viewer cannot', async () => {
    const page = await open(await service.token('viewer'));
    await page.getByRole('button', { name: 'Freeze lab' }).press('Enter');
    await dialog(page).getByText('Your role is viewer: it can look, not change.').waitFor();
  });

  it('wants a reason, shows it above everything, and only an approver ends it', async () => {
    const operator = await open(await service.token('operator'));
    await operator.getByRole('button', { name: 'Freeze lab' }).press('Enter');
    await dialog(operator).getByText('Say why first.').waitFor();
    await dialog(operator).getByLabel('Reason').fill('the UPS is on battery');
    await operator.keyboard.press('Enter');
    await dialog(operator).waitFor({ state: 'detached' });
    await notice(operator).waitFor();
    expect(await operator.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await operator.getByRole('button', { name: 'Thaw lab' }).press('Enter');
    await dialog(operator).getByText('Your role is operator; approving needs approver.').waitFor();

    const approver = await open(await service.token('approver'));
    await notice(approver).waitFor();
    await approver.getByRole('button', { name: 'Thaw lab' }).press('Enter');
    await dialog(approver).getByLabel('Reason').fill('power is back');
    await approver.keyboard.press('Enter');
    await approver.getByRole('button', { name: 'Freeze lab' }).waitFor();
    await notice(approver).waitFor({ state: 'detached' });
  });
});
