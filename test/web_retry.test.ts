import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service } from './http/support.ts';

/** Answers that are cut off on their way to the page, in a real browser, and the button that is pressed again. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const absent = !existsSync(CHROMIUM) && process.env['REQUIRE_ALL'] !== '1';
const LONG = { timeout: 60_000 };

describe.skipIf(absent)(`answers that the page loses (needs chromium at ${CHROMIUM})`, () => {
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

  async function open(path: string): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(15_000);
    await context.addInitScript((text) => sessionStorage.setItem('proxmox-agent.token', text), admin);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(service.url + path);
    return page;
  }
  /** The server gets the POST and does it; its answer never comes. Answers the keys that were sent, until called again. */
  async function cutOff(
    page: Page,
    path: string,
  ): Promise<{ readonly keys: string[]; readonly mend: () => Promise<void> }> {
    const keys: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST' && new URL(request.url()).pathname === path)
        keys.push(request.headers()['idempotency-key'] ?? '');
    });
    await page.route(`**${path}`, async (route) => {
      if (route.request().method() !== 'POST') return route.fallback();
      await route.fetch();
      return route.abort();
    });
    return { keys, mend: () => page.unroute(`**${path}`) };
  }
  async function all<T>(path: string, name: string): Promise<T[]> {
    return (await service.ask(`GET ${path}`, { token: admin })).json[name] as T[];
  }
  const lost = (page: Page): Promise<void> => page.getByText('The server does not answer').first().waitFor();

  it('a change is written down once, also over a reload', LONG, async () => {
    const page = await open('/changes?change=new');
    const { keys, mend } = await cutOff(page, '/v1/changes');
    await page.getByLabel('Title (required)').fill('Written once');
    const save = page.getByRole('button', { name: 'Write it down' });
    await save.click();
    await lost(page);
    await page.reload();
    await page.getByText('What you wrote before is here again').waitFor();
    await mend();
    await save.click();
    await page.getByRole('heading', { name: /CC-\d+ Written once/ }).waitFor();
    const changes = await all<{ title: string }>('/v1/changes', 'changes');
    expect(changes.filter(({ title }) => title === 'Written once')).toHaveLength(1);
    expect(new Set(keys).size).toBe(1);
    // The same words once more are another change.
    await page.goto(`${service.url}/changes?change=new`);
    await page.getByLabel('Title (required)').fill('Written once');
    await save.click();
    await page.getByRole('heading', { name: /CC-\d+ Written once/ }).waitFor();
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(2);
  });

  it('a change whose words were changed after the answer was lost is another one', LONG, async () => {
    const page = await open('/changes?change=new');
    const { keys, mend } = await cutOff(page, '/v1/changes');
    await page.getByLabel('Title (required)').fill('First words');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await lost(page);
    await mend();
    await page.getByLabel('Title (required)').fill('Other words');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.getByRole('heading', { name: /CC-\d+ Other words/ }).waitFor();
    expect(new Set(keys).size).toBe(2);
  });

  it('a plan is made once', LONG, async () => {
    const page = await open('/?propose=vm%2F301');
    const { keys, mend } = await cutOff(page, '/v1/actions/plan');
    await page.getByLabel('Action').selectOption('vm.start');
    await page.getByRole('button', { name: 'Plan it' }).click();
    await lost(page);
    await mend();
    const [made, ...others] = await all<{ plan_id: string }>('/v1/plans', 'plans');
    expect(others).toEqual([]);
    await page.getByRole('button', { name: 'Plan it' }).click();
    await page.waitForURL((url) => url.searchParams.get('plan') === made?.plan_id);
    expect(await all('/v1/plans', 'plans')).toHaveLength(1);
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it('a person is invited once, and who lost the link is told what to do', LONG, async () => {
    const page = await open('/people?person=new');
    const { mend } = await cutOff(page, '/v1/people');
    await page.getByLabel('Name (required)').fill('ana');
    await page.getByLabel('all environments').selectOption('viewer');
    const invite = page.getByRole('button', { name: 'Invite', exact: true });
    await invite.click();
    await lost(page);
    await mend();
    await invite.click();
    await page.getByText('ana is invited, and the answer that showed the link was lost.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('button', { name: 'ana', exact: true }).click();
    await page.getByRole('button', { name: 'New link…' }).click();
    await page.getByRole('button', { name: 'Make a new link' }).click();
    expect(await page.getByLabel('Link for ana', { exact: true }).inputValue()).toMatch(/#invite=[\w-]{43}$/);
    expect(await all('/v1/people', 'people')).toHaveLength(1);
  });

  it('a token is made once, and who lost it is told what to do', LONG, async () => {
    const page = await open('/people');
    const { mend } = await cutOff(page, '/v1/tokens');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByLabel('Name (required)').fill('helper');
    const make = page.getByRole('button', { name: 'Make the token' });
    await make.click();
    await lost(page);
    await mend();
    await make.click();
    await page.getByText('It was made, and the answer that showed it was lost.').waitFor();
    const tokens = await all<{ name: string }>('/v1/tokens', 'tokens');
    expect(tokens.filter(({ name }) => name === 'helper')).toHaveLength(1);
    expect(await page.getByText('[redacted]').count()).toBe(0);
  });

  it('says once that a request is not valid, with what is wrong', LONG, async () => {
    const page = await open('/changes?change=new');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.getByRole('alert').getByText('The request is not valid.').waitFor();
    expect(await page.getByText('The request is not valid').count()).toBe(1);
  });

  it('left nothing on the console of any page', () => {
    expect(complaints).toEqual([]);
  });
});
