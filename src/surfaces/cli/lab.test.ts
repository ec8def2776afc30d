import { afterEach, beforeEach, expect, test } from 'vitest';
import { ACTIONS, paramsSchema } from '../../actions/index.ts';
import { run, ScriptedServer, type RunOptions } from './testing.ts';
import { PLAN_ID, samplePlan } from './testing_plan.ts';

const GUESTS = [
  { vmid: 104, type: 'lxc', name: 'dns', status: 'stopped', node: 'pve2', maxcpu: 1, maxmem: 536870912, tags: 'infra' },
  {
    vmid: 101,
    type: 'qemu',
    name: 'web1',
    status: 'running',
    node: 'pve1',
    cpu: 0.125,
    maxcpu: 2,
    mem: 1073741824,
    maxmem: 2147483648,
    tags: 'web;prod',
    lock: 'backup',
  },
];

let server: ScriptedServer;
beforeEach(async () => {
  server = await new ScriptedServer({
    'GET /v1/environments': () => ({
      environments: [
        {
          name: 'home',
          production: true,
          endpoint: 'https://pve1.example.internal:8006',
          status: 'ok',
          nodes: 2,
          guests: 4,
          version: '9.0',
        },
      ],
    }),
    'GET /v1/nodes': () => ({
      nodes: [
        { node: 'pve2', status: 'offline' },
        { node: 'pve1', status: 'online', cpu: 0.5, maxcpu: 8, mem: 8589934592, maxmem: 17179869184, uptime: 93784 },
      ],
    }),
    'GET /v1/inventory': () => ({ guests: GUESTS }),
    'GET /v1/vm/status': () => ({
      vmid: 101,
      status: 'running',
      mem: 1073741824,
      memhost: 1073741824,
      uptime: 61,
      cpu: 0.05,
      nics: { tap101i0: {} },
    }),
    'GET /v1/tasks': () => ({
      tasks: [
        {
          upid: 'UPID:x',
          node: 'pve1',
          type: 'qmstart',
          id: '101',
          user: 'root@pam',
          status: 'OK',
          starttime: 1767225600,
        },
      ],
    }),
    'GET /v1/actions': () => ({
      actions: ACTIONS.map((action) => ({
        name: action.name,
        title: action.title,
        risk: 'low',
        target: action.target,
        params: paramsSchema(action),
      })),
    }),
    'GET /v1/plans': () => ({ plans: [samplePlan] }),
    'GET /v1/operations': () => ({ operations: [{ operation_id: 'op-1', plan_id: PLAN_ID, state: 'running' }] }),
  }).start();
});
afterEach(() => server.kill());
const pxa = (argv: string[], options: RunOptions = {}) => run(argv, { server, ...options });

test('environments, also one that cannot be reached', async () => {
  expect((await pxa(['env', 'list'])).out).toBe(
    'NAME  STATUS  VERSION  NODES  GUESTS  PRODUCTION  ENDPOINT\nhome  ok      9.0      2      4       yes         https://pve1.example.internal:8006\n',
  );
  server.routes['GET /v1/environments'] = () => ({
    environments: [{ name: 'home', status: 'unreachable', detail: 'refused' }],
  });
  expect((await pxa(['env', 'list'])).out).toMatch(/unreachable .* refused\n$/);
  const frozen = { reason: 'on battery' };
  server.routes['GET /v1/environments'] = () => ({
    environments: [
      { name: 'home', status: 'ok', endpoint: 'https://pve1:8006', frozen },
      { name: 'lab', status: 'ok' },
    ],
  });
  const { out } = await pxa(['env', 'list']);
  expect(out).toMatch(/ENDPOINT +NOTE\n/);
  expect(out).toMatch(/https:\/\/pve1:8006 +frozen: on\s+battery/);
});

test('nodes', async () => {
  expect((await pxa(['nodes'])).out).toBe(
    'NODE  STATUS   CPU       MEMORY               DISK  UPTIME\npve1  online   50% of 8  8.0 GiB of 16.0 GiB        1 d 2 h\npve2  offline\n',
  );
  expect(server.received.at(-1)?.path).toBe('/v1/nodes?environment=home');
});

test('inventory, filtered here and there', async () => {
  const whole = await pxa(['inventory', '--state', 'running', '-e', 'home']);
  expect(whole.out).toContain('vm/101  web1  running (lock: backup)  pve1  13% of 2');
  expect(whole.out).toContain('ct/104  dns   stopped');
  expect(server.received.map(({ path }) => path)).toEqual(['/v1/inventory?environment=home&state=running']);
  await pxa(['inventory', '--tag', 'prod', '--node', 'pve2', '-e', 'home']);
  expect(server.received.at(-1)?.path).toBe('/v1/inventory?environment=home&tag=prod&node=pve2');
  server.routes['GET /v1/inventory'] = () => ({ guests: [] });
  expect((await pxa(['inventory'])).out).toBe('None.\n');
});

test('a table keeps to the width of the terminal', async () => {
  server.routes['GET /v1/inventory'] = () => ({
    guests: GUESTS.map((guest) => ({
      ...guest,
      tags: Array.from({ length: 30 }, (_, index) => `tag${index}`).join(';'),
    })),
  });
  const { out } = await pxa(['inventory']);
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  for (let index = 0; index < 30; index++) expect(out).toContain(`tag${index}`);
});

test('status and tasks', async () => {
  expect((await pxa(['status', 'vm/101'])).out).toBe(
    'vmid     101\nstatus   running\nmem      1.0 GiB\nmemhost  1.0 GiB\nuptime   1 min 1 s\ncpu      5%\n',
  );
  expect(server.received.at(-1)?.path).toBe('/v1/vm/status?environment=home&target=vm%2F101');
  expect((await pxa(['tasks', '--node', 'pve1'])).out).toContain(
    '2026-01-01 00:00:00Z  pve1  qmstart  101  root@pam  OK',
  );
  expect(server.received.at(-1)?.path).toBe('/v1/tasks?environment=home&node=pve1');
});

test.each(['env list', 'nodes', 'inventory', 'status vm/101', 'tasks', 'actions', 'plan list', 'op list'])(
  '%s as JSON is one document, equal to the answer',
  async (words) => {
    const { exit, out, err } = await pxa([...words.split(' '), '--json']);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    const last = server.received.at(-1);
    const answer = await fetch(server.url + (last?.path ?? ''));
    expect(out).toBe(`${await answer.text()}\n`);
  },
);

const complete = async (...words: string[]): Promise<string[]> =>
  (await pxa(['__complete', '--', ...words])).out
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0] ?? '');

test('completion of commands, options, actions, their flags and values, plans', async () => {
  expect(await complete('in')).toEqual(['inventory']);
  expect(await complete('audit', '')).toEqual(['list', 'export', 'key', 'verify']);
  expect(await complete('inventory', '--')).toEqual(expect.arrayContaining(['--state', '--tag', '--json', '--server']));
  expect(await complete('plan', 'vm.cl')).toEqual(['vm.clone', 'vm.cloudinit.configure']);
  expect(await complete('plan', 'vm.clone', '--na')).toEqual(['--name']);
  expect(await complete('plan', 'vm.clone', '--ta')).toEqual(['--target']);
  expect(await complete('plan', 'vm.create_from_template', '--cloudinit.u')).toEqual([
    '--cloudinit.user',
    '--cloudinit.upgrade',
  ]);
  expect(await complete('plan', 'vm.configure', '--unset', 'ta')).toEqual(['tags']);
  expect(await complete('apply', '')).toEqual([PLAN_ID]);
  expect(await complete('op', 'show', '')).toEqual(['op-1']);
  await server.kill();
  expect(await complete('apply', '')).toEqual([]);
});

test.each(['bash', 'zsh', 'fish'])('the script for %s asks the program', async (shell) => {
  const { exit, out } = await pxa(['completion', shell]);
  expect(exit).toBe(0);
  expect(out).toContain('__complete -- ');
  expect(out).toContain('pxa');
});
