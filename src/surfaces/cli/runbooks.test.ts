import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sendFor } from './commands/runbook_start.ts';
import { refuse, run, ScriptedServer, temporaryFolder, type RunOptions } from './testing.ts';

const RUN_ID = '01900000-0000-7000-8000-00000000000a';
const SHIPPED = join(import.meta.dirname, '../../../runbooks/secrets.md');
const step = { number: 1, title: 'Look', text: 'Look at it.', kind: 'manual', check: 'Is it so', attempts: [] };
const waiting = {
  run_id: RUN_ID,
  runbook: 'demo',
  title: 'A demonstration',
  state: 'waiting',
  change_id: 'CC-001',
  created_at: '2026-01-01T00:00:00.000Z',
  steps_total: 1,
  steps_done: 0,
  current: 1,
  next: 'answer',
  introduction: '',
  steps: [{ ...step, state: 'pending' }],
};
const { current: _, next: __, ...ended } = waiting;
const attempt = { outcome: 'done', evidence: 'seen', ended_by: { id: 'p', name: 'ana' } };
const done = { ...ended, state: 'done', steps_done: 1, steps: [{ ...step, state: 'done', attempts: [attempt] }] };
const parameter = { name: 'node', description: 'the node', example: 'pve1' };

let server: ScriptedServer;
beforeEach(async () => {
  server = await new ScriptedServer({
    'GET /v1/runbooks': () => ({ runbooks: [{ id: 'demo', title: 'A demonstration', version: '1', summary: 'S' }] }),
    'GET /v1/runbooks/demo': () => ({
      id: 'demo',
      title: 'A demonstration',
      version: '1',
      summary: 'S',
      introduction: 'I',
      parameters: [parameter],
      steps: [step],
    }),
    'GET /v1/runbook-runs': () => ({ runs: [waiting] }),
    'POST /v1/runbook-runs': () => waiting,
    [`GET /v1/runbook-runs/${RUN_ID}`]: () => waiting,
    [`POST /v1/runbook-runs/${RUN_ID}/steps/1`]: () => done,
    [`POST /v1/runbook-runs/${RUN_ID}/pause`]: () => ({ ...waiting, state: 'paused', next: 'resume' }),
    [`GET /v1/runbook-runs/${RUN_ID}/report`]: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/markdown' });
      response.end('# Report\n\u001b[31mred\n');
    },
  }).start();
});
afterEach(() => server.kill());
const pxa = (argv: string[], options: RunOptions = {}) => run(['runbook', ...argv], { server, ...options });
const STEPS = `POST /v1/runbook-runs/${RUN_ID}/steps/1`;

test('lists and shows runbooks and runs', async () => {
  expect((await pxa(['list'])).out).toContain('demo     1        A demonstration');
  const shown = (await pxa(['show', 'demo'])).out;
  for (const words of ['node', 'the node (such as pve1)', '1. Look (manual)', 'Look at it.'])
    expect(shown).toContain(words);
  expect((await pxa(['run-list'])).out).toContain(`${RUN_ID}  waiting  0/1`);
  const one = await pxa(['run', RUN_ID]);
  expect(one.out).toContain('A demonstration: waiting (CC-001)');
  expect(one.out).toContain(`proxmox-agent runbook step ${RUN_ID} 1 --answer yes --evidence TEXT`);
});

test('lint reads a file of this machine and says what is wrong where', async () => {
  const folder = temporaryFolder();
  const bad = join(folder.path, 'bad.md');
  writeFileSync(bad, readFileSync(SHIPPED, 'utf8').replace('kind: manual', 'kind: magic'));
  expect(await pxa(['lint', SHIPPED])).toMatchObject({ exit: 0, out: 'secrets: 9 steps, nothing wrong.\n' });
  const refused = await pxa(['lint', bad]);
  expect(refused.exit).toBe(2);
  expect(refused.err).toMatch(/bad\.md:\d+: kind: /);
  expect(server.received).toEqual([]);
  folder.end();
});

test('start sends parameters and the change record; without a terminal it returns at once', async () => {
  const begun = await pxa(['start', 'demo', '-p', 'node=pve1', '-p', 'name=a=b', '--change', 'CC-001']);
  expect(begun.exit).toBe(0);
  const body = { runbook: 'demo', parameters: { node: 'pve1', name: 'a=b' }, change_id: 'CC-001' };
  expect(server.bodies('POST /v1/runbook-runs')).toEqual([body]);
  expect((await pxa(['start', 'demo', '-p', 'node'])).exit).toBe(2);
});

test('start on a terminal asks at each step and ends with the run as it is then', async () => {
  const walked = await pxa(['start', 'demo', '-p', 'node=pve1'], { tty: true, stdin: 'y I saw it\r' });
  expect(walked.exit, walked.err).toBe(0);
  expect(walked.out).toContain('Step 1 of 1: Look');
  expect(walked.out).toMatch(/A demonstration\S*: done/);
  expect(server.bodies(STEPS)).toEqual([{ do: 'answer', passed: true, evidence: 'I saw it' }]);
});

test('walk needs a terminal', async () => {
  const { exit, err } = await pxa(['walk', RUN_ID]);
  expect(exit).toBe(2);
  expect(err).toContain('runbook walk asks on a terminal');
});

test.each([
  [['--answer', 'yes', '--evidence', 'seen'], { do: 'answer', passed: true, evidence: 'seen' }],
  [['--answer', 'no'], { do: 'answer', passed: false }],
  [['--approve', '--comment', 'fine'], { do: 'approve', comment: 'fine' }],
  [['--run'], { do: 'run' }],
  [['--skip', 'not needed'], { do: 'skip', reason: 'not needed' }],
  [['--retry'], { do: 'retry' }],
])('step %j', async (options, body) => {
  const { exit, out } = await pxa(['step', RUN_ID, '1', ...options]);
  expect({ exit, bodies: server.bodies(STEPS) }).toEqual({ exit: 0, bodies: [body] });
  expect(out).toContain('ana: seen');
});

test.each([
  [[]],
  [['--run', '--retry']],
  [['--answer', 'maybe']],
  [['--evidence', 'x', '--run']],
  [['--comment', 'x', '--run']],
])('step refuses %j', async (options) => {
  expect((await pxa(['step', RUN_ID, '1', ...options])).exit).toBe(2);
  expect(server.received).toEqual([]);
});

test('a refusal of the server is its words and its exit code', async () => {
  server.routes[STEPS] = (_request, response) => refuse(response, 409, 'RUN_STATE', 'The run stands at step 2.');
  const { exit, err } = await pxa(['step', RUN_ID, '1', '--run']);
  expect(exit).toBe(6);
  expect(err).toContain('The run stands at step 2.');
});

test('pause needs a reason; a report is Markdown that a terminal can show', async () => {
  expect((await pxa(['pause', RUN_ID])).exit).toBe(2);
  expect((await pxa(['pause', RUN_ID, '--reason', 'lunch'])).out).toContain('paused');
  expect((await pxa(['report', RUN_ID])).out).toBe('# Report\n\\u001b[31mred\n');
});

test('what is typed at a step says one thing or nothing', () => {
  expect(sendFor('answer', 'yes, all green')).toEqual({ body: { do: 'answer', passed: true, evidence: 'all green' } });
  expect(sendFor('answer', 'No')).toEqual({ body: { do: 'answer', passed: false } });
  expect(sendFor('answer', 'r')).toBeUndefined();
  expect(sendFor('answer', 'yesterday')).toBeUndefined();
  expect(sendFor('run', 's')).toBeUndefined();
  expect(sendFor('run', 's no ZFS here')).toEqual({ body: { do: 'skip', reason: 'no ZFS here' } });
  expect(sendFor('resume', 'r')).toEqual({ verb: 'resume', body: {} });
});
