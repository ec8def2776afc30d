import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, temporaryFolder, type Ran } from '../src/surfaces/cli/testing.ts';
import { Service } from './http/support.ts';

/** The change CC-001 from the command line, against a real server: from its document to its completion and back. */
const SEEDS = join(import.meta.dirname, '../../shared/seeds');
const found = existsSync(SEEDS) ? readdirSync(SEEDS).find((name) => name.startsWith('000_')) : undefined;
const folder = temporaryFolder();
let service: Service;
let token = '';
beforeAll(async () => {
  service = await Service.start();
  token = await service.token('admin');
});
afterAll(async () => {
  await service.close();
  folder.end();
});
const pxa = (argv: string[], as = token): Promise<Ran> =>
  run(argv, { env: { PROXMOX_AGENT_URL: service.url, PROXMOX_AGENT_TOKEN: as, XDG_CONFIG_HOME: folder.path } });
const change = (...argv: string[]): Promise<Ran> => pxa(['change', ...argv]);
const visible = (markdown: string): string[] =>
  markdown
    .slice(markdown.indexOf('## CC-'))
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

test('CC-001 is imported, shown, exported, approved, judged and completed', async () => {
  if (found === undefined) throw new Error(`the document CC-001 is not in ${SEEDS}`);
  const seed = readFileSync(join(SEEDS, found), 'utf8');
  const paused = 'CC-001 is paused: Intentional checkpoint for documentation & review.';
  expect((await change('import', join(SEEDS, found))).out).toContain(paused);
  expect((await change('import', join(SEEDS, found))).exit).toBe(6);
  const shown = (await change('show', 'CC-001')).out;
  for (const words of ['Homelab Owner / Systems Engineer', 'Network & storage baseline', 'Odoo production deployment'])
    expect(shown).toContain(words);
  const file = join(folder.path, 'CC-001.md');
  await change('export', 'CC-001', file);
  expect(visible(readFileSync(file, 'utf8'))).toEqual(visible(seed));
  expect(visible((await change('export', 'CC-001')).out)).toEqual(visible(seed));

  writeFileSync(file, readFileSync(file, 'utf8').replace('One service per VM', 'One service per VM, always'));
  expect((await change('edit', 'CC-001', '--file', file)).out).toContain('One service per VM, always');
  const { digest } = JSON.parse((await change('show', 'CC-001', '--json')).out) as { digest: string };
  expect((await change('approve', 'CC-001', '--hash', digest)).out).toContain('CC-001 stays paused');
  expect((await change('status', 'CC-001', 'approved')).exit).toBe(0);
  expect((await change('status', 'CC-001', 'in_progress')).exit).toBe(0);
  expect((await change('status', 'CC-001', 'completed')).exit).toBe(6);
  for (const n of ['1', '2', '3', '4'])
    expect((await change('criterion', 'CC-001', n, 'passed', '--evidence', 'seen')).exit).toBe(0);
  expect((await change('status', 'CC-001', 'completed')).out).toBe('CC-001 is completed.\n');
  expect((await change('metrics', '--since', '1d')).out).toMatch(/1 change, 1 ended/);
});

test('a plan belongs to a change that is named, and an agent cannot approve it', async () => {
  expect((await change('new', '--title', 'Start staging', '-e', 'lab')).out).toContain('CC-002 is planned.');
  const planned = await pxa(['plan', 'vm.start', '--target', 'vm/301', '--change', 'CC-002', '--json']);
  const { plan_id } = JSON.parse(planned.out) as { plan_id: string };
  expect((await change('show', 'CC-002')).out).toContain(plan_id);
  expect(await pxa(['apply', plan_id])).toMatchObject({ exit: 6 });
  const agent = await service.token('admin', 'agent');
  const refused = await pxa(['change', 'approve', 'CC-002', '--hash', 'a'.repeat(64)], agent);
  expect(refused).toMatchObject({ exit: 3, err: expect.stringContaining('APPROVAL_FORBIDDEN') as string });
});
