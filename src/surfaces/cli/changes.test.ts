import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Change } from './model.ts';
import { NOW, refuse, run, ScriptedServer, temporaryFolder, type RunOptions } from './testing.ts';
import { HASH, PLAN_ID } from './testing_plan.ts';

const AT = new Date(NOW).toISOString();
const ADA = { id: 'u1', name: 'ada', class: 'human' };
/** With one of everything that a change can show. */
const CHANGE: Change = {
  id: 'CC-007',
  status: 'paused',
  status_note: 'waiting for parts',
  category: 'normal',
  proposed_category: { proposed: 'emergency', why: 'it is urgent' },
  digest: HASH,
  created_at: AT,
  updated_at: AT,
  created_by: ADA,
  title: 'Move the DNS of the household to two machines that do not depend on each other',
  date: '2026-01-XX',
  phase: 'Phase 4',
  requested_by: 'Ada',
  role: 'Owner',
  summary: 'First line.\n\nSecond paragraph.',
  scope: { in: [{ text: 'dns1', lines: [{ text: 'its zone' }] }], out: [{ text: 'dhcp' }], out_note: 'for now' },
  risk: { level: 'low', identified: [{ text: 'names do not resolve' }], mitigations: [{ text: 'short TTL' }] },
  impact: [{ on: 'LAB VLAN', effect: 'none' }],
  downtime: 'a minute',
  rollback: [{ text: 'point back' }],
  validation: [
    {
      n: 1,
      text: 'it answers',
      result: 'passed',
      check: { kind: 'tcp', host: 'dns.lab', port: 53 },
      how: 'check',
      by: ADA,
      at: AT,
      evidence: 'dns.lab:53 answers',
    },
    { n: 2, text: 'people are happy', result: 'open' },
  ],
  notes: 'Ask first.',
  more: [{ heading: 'Cost', text: 'Nothing.' }],
  environments: ['home'],
  runbooks: ['internal-dns'],
  plans: [{ plan_id: PLAN_ID, state: 'awaiting_approval', environment: 'home' }],
  approvals: [{ by: ADA, at: AT, comment: 'go', method: 'passkey', holds: false, lapsed: 'rewritten' }],
  evidence: [{ at: AT, by: ADA, text: 'a photo' }],
  history: [{ status: 'paused', at: AT, by: ADA, note: 'waiting for parts' }],
  review: { due_at: AT, overdue: true },
};

let server: ScriptedServer;
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(async () => {
  folder = temporaryFolder();
  server = await new ScriptedServer({
    'GET /v1/changes': () => ({ changes: [CHANGE], next: 'CC-007' }),
    'GET /v1/changes/CC-007': () => CHANGE,
    'POST /v1/changes': () => ({ ...CHANGE, id: 'CC-008', status: 'planned' }),
  }).start();
});
afterEach(async () => {
  await server.kill();
  folder.end();
});
const pxa = (argv: string[], options: RunOptions = {}) => run(['change', ...argv], { server, ...options });
const write = (name: string, text: string): string => {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
};

test('change show has every field, within 80 columns', async () => {
  const { exit, out } = await pxa(['show', 'CC-007']);
  expect(exit).toBe(0);
  expect(out.split('\n').filter((line) => line.length > 80 && !line.includes(HASH))).toEqual([]);
  for (const words of [
    'CC-007  paused\n  Move the DNS of the household',
    'why          waiting for parts',
    'category     normal; its plans ask for emergency: it is urgent',
    'date         2026-01-XX',
    'phase        Phase 4',
    'requested by Ada',
    'role         Owner',
    'environments home',
    'runbooks     internal-dns',
    'Summary\n  First line.\n\n  Second paragraph.',
    'In scope\n  - dns1\n    - its zone',
    'Out of scope (for now)\n  - dhcp',
    'Risks\n  - names do not resolve',
    'Mitigations\n  - short TTL',
    'Impact\n  LAB VLAN: none\n  Downtime expected: a minute',
    'Rollback plan\n  - point back',
    '  1. passed  it answers\n      check: dns.lab:53 answers\n      checked 2026-01-01 00:00:00Z: dns.lab:53 answers',
    '  2. open  people are happy',
    'Cost\n  Nothing.',
    'Notes\n  Ask first.',
    `Plans\n  ${PLAN_ID}  awaiting approval  home`,
    'a photo',
    'before it was rewritten',
    'OVERDUE, due by 2026-01-01',
    'History\n  2026-01-01 00:00:00Z paused by ada (human): waiting for parts',
    HASH,
  ])
    expect(out).toContain(words);
});

test('change list is a table, and asks for what is wanted', async () => {
  const { out } = await pxa(['list', '--status', 'paused', '--overdue']);
  expect(out).toMatch(/^CC-007 +paused, review overdue +normal +low +Move/m);
  expect(out).toContain('There are more; add --all.');
  expect(server.received[0]?.path).toBe('/v1/changes?status=paused&overdue=1');
});

test('change new takes its content from options, YAML, JSON or Markdown', async () => {
  expect((await pxa(['new'])).exit).toBe(2);
  expect((await pxa(['new', '--title', 'x', '-e', 'home'])).out).toContain('CC-008 is planned.');
  await pxa(['new', '--file', '-', '--category', 'emergency'], { stdin: 'title: from YAML\nnotes: n\n' });
  const path = write('a.md', '## CC-003 — From Markdown\n\n### Notes\nn\n');
  await pxa(['new', '--file', path, '--title', 'Another']);
  expect(server.bodies('POST /v1/changes')).toMatchObject([
    { title: 'x', environments: ['home'] },
    { title: 'from YAML', notes: 'n', category: 'emergency' },
    { title: 'Another', notes: 'n' },
  ]);
  for (const text of ['- a\n', 'a: [\n']) expect((await pxa(['new', '--file', '-'], { stdin: text })).exit).toBe(2);
  expect((await pxa(['new', '--title', 'x', '--category', 'huge'])).exit).toBe(2);
});

test('a change whose answer was lost is sent again with the same key', async () => {
  const lost = server.routes['POST /v1/changes'];
  let attempts = 0;
  server.routes['POST /v1/changes'] = (request, response) => {
    attempts += 1;
    if (attempts === 1) return void response.socket?.destroy();
    if (attempts === 2) return refuse(response, 409, 'TARGET_BUSY', 'the first is under way');
    return lost?.(request, response);
  };
  const { exit, err } = await pxa(['new', '--title', 'Once']);
  expect(exit, err).toBe(0);
  expect(err).toContain('trying again for up to 5 minutes');
  const keys = server.received
    .filter(({ method, path }) => method === 'POST' && path === '/v1/changes')
    .map(({ headers }) => headers['idempotency-key']);
  expect(keys).toHaveLength(3);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(keys).size).toBe(1);
});

test.each([
  ['evidence', ['evidence', 'CC-007', 'seen']],
  ['status', ['status', 'CC-007', 'paused', '--note', 'wait']],
  ['reject', ['reject', 'CC-007', '--note', 'no']],
  ['review', ['review', 'CC-007', '--text', 'learned']],
  ['check', ['check', 'CC-007']],
  ['criteria/1', ['criterion', 'CC-007', '1', 'passed', '--evidence', 'seen']],
  ['approve', ['approve', 'CC-007', '--hash', HASH]],
])('a step whose answer was lost is sent again with the same key: %s', async (verb, argv) => {
  const path = `/v1/changes/CC-007/${verb}`;
  let attempts = 0;
  server.routes[`POST ${path}`] = (_, response) => (attempts++ === 0 ? void response.socket?.destroy() : CHANGE);
  const { err } = await pxa(argv);
  expect(err).toContain('trying again for up to 5 minutes');
  const sent = server.received.filter((one) => one.method === 'POST' && one.path === path);
  const keys = sent.map(({ headers }) => headers['idempotency-key']);
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(sent[1]?.body).toEqual(sent[0]?.body);
});

test('change edit sends what is new, and refuses the document of another change', async () => {
  server.routes['PATCH /v1/changes/CC-007'] = () => CHANGE;
  expect((await pxa(['edit', 'CC-007', '--file', '-', '--hash', HASH], { stdin: '{"notes": "n"}' })).exit).toBe(0);
  expect(server.bodies('PATCH /v1/changes/CC-007')).toEqual([{ notes: 'n', digest: HASH }]);
  const path = write('b.md', '## CC-003 — x\n');
  expect(await pxa(['edit', 'CC-007', '--file', path])).toMatchObject({
    exit: 2,
    err: expect.stringContaining('the document of CC-003, not of CC-007') as string,
  });
  expect((await pxa(['edit', 'CC-007'])).exit).toBe(2);
});

test('change export writes a file; on a terminal no character of it is obeyed', async () => {
  server.routes['GET /v1/changes/CC-007/export'] = (_, response) =>
    void response.writeHead(200, { 'content-type': 'text/markdown' }).end('# x\u001b[2J\n');
  const file = join(folder.path, 'out.md');
  expect((await pxa(['export', 'CC-007', file])).out).toBe(`CC-007 is in ${file}.\n`);
  expect(readFileSync(file, 'utf8')).toBe('# x\u001b[2J\n');
  expect((await pxa(['export', 'CC-007'], { tty: true })).out).toBe('# x\\u001b[2J\n');
  expect((await pxa(['export', 'CC-007', join(folder.path, 'no', 'such')])).exit).toBe(2);
});

test('change approve needs the digest without a terminal, and asks on one', async () => {
  const path = '/v1/changes/CC-007/approve';
  server.routes[`POST ${path}`] = () => ({ ...CHANGE, status: 'approved' });
  expect(await pxa(['approve', 'CC-007'])).toMatchObject({ exit: 2, err: expect.stringContaining('--hash') as string });
  expect((await pxa(['approve', 'CC-007'], { tty: true, stdin: 'n' })).exit).toBe(6);
  expect(server.bodies(`POST ${path}`)).toEqual([]);
  const asked = await pxa(['approve', 'CC-007', '--comment', 'go'], { tty: true, stdin: 'y' });
  expect(asked).toMatchObject({ exit: 0, out: expect.stringContaining('Approved.') as string });
  expect((await pxa(['approve', 'CC-007', '--hash', HASH])).exit).toBe(0);
  expect(server.bodies(`POST ${path}`)).toEqual([{ digest: HASH, comment: 'go' }, { digest: HASH }]);
  server.routes[`POST ${path}`] = (_, response) => refuse(response, 403, 'APPROVAL_FORBIDDEN', 'no person');
  expect((await pxa(['approve', 'CC-007', '--hash', HASH])).exit).toBe(3);
});

test('change approve sends the second factor, or asks for what the server asks for', async () => {
  const path = '/v1/changes/CC-007/approve';
  server.routes[`POST ${path}`] = ({ body }, response) =>
    (body as { factor?: string }).factor === undefined
      ? refuse(response, 403, 'SECOND_FACTOR_REQUIRED', 'ada wrote CC-007', { errors: { factor: 'is needed' } })
      : { ...CHANGE, status: 'approved' };
  const bare = ['approve', 'CC-007', '--hash', HASH, '--confirm', HASH.slice(0, 8)];
  expect((await pxa([...bare, '--factor', '123456'])).exit).toBe(0);
  const sent = { digest: HASH, factor: '123456', confirm: HASH.slice(0, 8) };
  expect(server.bodies(`POST ${path}`)).toEqual([sent]);
  expect(await pxa(bare)).toMatchObject({ exit: 3, err: expect.stringContaining('SECOND_FACTOR_REQUIRED') as string });
  const asked = await pxa(bare, { tty: true, stdin: '123456\r' });
  expect(asked.exit).toBe(0);
  expect(server.bodies(`POST ${path}`).at(-1)).toEqual(sent);
});

test('the steps of a change send what was said', async () => {
  for (const step of ['reject', 'status', 'check', 'criteria/2', 'review', 'evidence'])
    server.routes[`POST /v1/changes/CC-007/${step}`] = () => CHANGE;
  await pxa(['reject', 'CC-007', '--note', 'too early']);
  await pxa(['status', 'CC-007', 'in-progress']);
  await pxa(['status', 'CC-007', 'paused', '--note', 'parts']);
  expect((await pxa(['criterion', 'CC-007', '2', 'passed', '--evidence', 'asked'])).out).toContain(
    '1 of 2 criteria have not passed.',
  );
  await pxa(['review', 'CC-007', '--text', 'learned']);
  await pxa(['evidence', 'CC-007', 'the log']);
  expect(server.received.map(({ path, body }) => [path.slice('/v1/changes/CC-007/'.length), body])).toEqual([
    ['reject', { note: 'too early' }],
    ['status', { status: 'in_progress' }],
    ['status', { status: 'paused', note: 'parts' }],
    ['criteria/2', { result: 'passed', evidence: 'asked' }],
    ['review', { text: 'learned' }],
    ['evidence', { text: 'the log' }],
  ]);
  const wrong = [
    ['reject', 'CC-007'],
    ['criterion', 'CC-007', '2', 'maybe', '--evidence', 'x'],
    ['criterion', 'CC-007', 'two', 'passed', '--evidence', 'x'],
  ];
  for (const argv of wrong) expect((await pxa(argv)).exit).toBe(2);
});

test('change check says what was found, and fails when something did not pass', async () => {
  server.routes['POST /v1/changes/CC-007/check'] = () => CHANGE;
  expect(await pxa(['check', 'CC-007'])).toMatchObject({
    exit: 0,
    out: expect.stringContaining('1. passed  it answers') as string,
  });
  const [first] = CHANGE.validation;
  server.routes['POST /v1/changes/CC-007/check'] = () => ({ ...CHANGE, validation: [{ ...first, result: 'failed' }] });
  expect((await pxa(['check', 'CC-007'])).exit).toBe(1);
});

test('change metrics are words, from a time that is counted back', async () => {
  server.routes['GET /v1/changes/metrics'] = () => ({
    total: 4,
    ended: 2,
    failure_rate: 0.5,
    lead_time_seconds: 7200,
    emergency_share: 0.25,
    time_to_restore_seconds: null,
    reviews_overdue: 1,
  });
  const { out } = await pxa(['metrics', '--since', '2d']);
  expect(server.received[0]?.path).toBe('/v1/changes/metrics?since=2025-12-30T00%3A00%3A00.000Z');
  expect(out).toContain('4 changes, 2 ended');
  expect(out).toContain('50% of those that ended were rolled back');
  expect(out).toContain('nothing to tell yet');
  expect((await pxa(['metrics', '--since', 'long'])).exit).toBe(2);
});

test('completion knows the changes', async () => {
  const { out } = await run(['__complete', '--', 'change', 'show', 'CC'], { server });
  expect(out).toMatch(/^CC-007\tMove the DNS/);
});
