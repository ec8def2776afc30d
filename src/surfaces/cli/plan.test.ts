import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ACTIONS, paramsSchema } from '../../actions/index.ts';
import { refuse, run, ScriptedServer, temporaryFolder, type RunOptions } from './testing.ts';
import { HASH, PLAN_ID, samplePlan } from './testing_plan.ts';

const SECRET = 'hunter2-planted';
const catalogue = ACTIONS.map((action) => ({
  name: action.name,
  title: action.title,
  aliases: action.aliases ?? [],
  risk: action.risk.base,
  risk_why: action.risk.why,
  target: action.target,
  params: paramsSchema(action),
  example: action.docs.example,
  summary: action.docs.summary,
}));

let server: ScriptedServer;
let folder: ReturnType<typeof temporaryFolder>;

beforeEach(async () => {
  folder = temporaryFolder();
  server = await new ScriptedServer({
    'GET /v1/actions': () => ({ actions: catalogue }),
    'GET /v1/environments': () => ({ environments: [{ name: 'home', status: 'ok' }] }),
    'POST /v1/actions/plan': (_, response) => {
      response.statusCode = 201;
      return samplePlan;
    },
    'POST /v1/plans': () => samplePlan,
  }).start();
});
afterEach(async () => {
  await server.kill();
  folder.end();
});

const pxa = (argv: string[], options: RunOptions = {}) => run(argv, { server, ...options });
const sent = (): Record<string, unknown> => server.bodies('POST /v1/actions/plan')[0] as Record<string, unknown>;

test('typed flags from the schema become the parameters', async () => {
  const flags = [
    '--name',
    'web1',
    '--cores',
    '2',
    '--tags',
    'web',
    '--tags',
    'prod',
    '--disk.size',
    '20G',
    '--cloudinit.user',
    'admin',
    '--cloudinit.ipconfig.0.ip',
    'dhcp',
    '--cloudinit.ssh-keys=ssh-ed25519 AAAA a@b',
    '--no-start',
    '--full',
    '--wait',
    '0',
  ];
  const { exit, err } = await pxa([
    'plan',
    'vm.create_from_template',
    '--target',
    'vm/9000',
    ...flags,
    '--reason',
    'because',
    '--change',
    'CC-001',
    '--dry-run',
  ]);
  expect({ exit, err }).toEqual({ exit: 0, err: '' });
  expect(sent()).toEqual({
    environment: 'home',
    action: 'vm.create_from_template',
    target: 'vm/9000',
    params: {
      name: 'web1',
      cores: 2,
      tags: ['web', 'prod'],
      disk: { size: '20G' },
      cloudinit: { user: 'admin', ipconfig: { 0: { ip: 'dhcp' } }, ssh_keys: ['ssh-ed25519 AAAA a@b'] },
      start: false,
      full: true,
      wait: 0,
    },
    dry_run: true,
    reason: 'because',
    change_id: 'CC-001',
  });
});

test('the options of plan and the global ones may stand anywhere among the flags', async () => {
  await pxa([
    '--environment',
    'cloud',
    'plan',
    'clone_vm',
    '--name',
    'x',
    '--target',
    'vm/9000',
    '--json',
    '--params.description',
    'about --target',
  ]);
  expect(sent()).toEqual({
    environment: 'cloud',
    action: 'clone_vm',
    target: 'vm/9000',
    params: { name: 'x', description: 'about --target' },
  });
});

test.each([[['--params', '{"name":"a","cores":1}']], [['--params', '-']], [['--params', '@FILE']]])(
  'flags win over %j',
  async (given) => {
    const file = join(folder.path, 'params.json');
    writeFileSync(file, '{"name":"a","cores":1}');
    await pxa(
      [
        'plan',
        'vm.create_from_template',
        '--target',
        'vm/9000',
        '--name',
        'b',
        ...given.map((word) => word.replace('FILE', file)),
      ],
      { stdin: '{"name":"a","cores":1}' },
    );
    expect(sent()['params']).toEqual({ name: 'b', cores: 1 });
  },
);

test.each([
  [['vm.clone', '--target', 'vm/1', '--nmae', 'x'], 'vm.clone has no flag --nmae. Did you mean --name?'],
  [['vm.create_from_template', '--target', 'vm/1', '--disk.siz', '1G'], 'Did you mean --disk.size?'],
  [
    ['vm.create_from_template', '--target', 'vm/1', '--cloudinit.ipconfig.0.ipp', '1G'],
    'Did you mean --cloudinit.ipconfig.N.ip?',
  ],
  [['vm.clon', '--target', 'vm/1'], 'There is no action "vm.clon". Did you mean vm.clone?'],
  [['lst'], 'Did you mean list?'],
  [['vm.clone', '--name', 'x'], 'vm.clone needs --target, such as --target vm/9000.'],
  [['vm.clone', '--target', 'vm/1', '--newid', 'many'], '--newid must be a whole number.'],
  [['vm.clone', '--target', 'vm/1', '--name'], '--name needs a value.'],
  [['vm.clone', '--target', 'vm/1', '--name', 'a', '--name', 'b'], '--name is given twice.'],
  [['vm.clone', '--target', 'vm/1', 'web2'], 'There is a word too many after vm.clone'],
  [['vm.configure', '--target', 'vm/1', '--unset', 'tag'], '--unset must be one of description, tags'],
  [['vm.clone', '--target', 'vm/1', '--params', '{'], '--params is not JSON.'],
  [['vm.clone', '--target', 'vm/1', '--__proto__.x', '1'], 'has no flag'],
  [[], 'Which action?'],
])('wrong use is told before anything is planned: %j', async (words, said) => {
  const { exit, err, out } = await pxa(['plan', ...words]);
  expect(err.replaceAll(/\s+/g, ' ')).toContain(said);
  expect({ exit, out }).toEqual({ exit: 2, out: '' });
  expect(server.received.filter(({ method }) => method === 'POST')).toEqual([]);
});

const withPassword = (...value: string[]): string[] => [
  'plan',
  'vm.cloudinit.configure',
  '--target',
  'vm/101',
  '--password',
  ...value,
];

test('a secret comes from a variable, a file or the standard input and is sent', async () => {
  const file = join(folder.path, 'password');
  writeFileSync(file, `${SECRET}\n`);
  for (const [value, options] of [
    ['env:PW', { env: { PW: SECRET } }],
    [`file:${file}`, {}],
    ['-', { stdin: `${SECRET}\n` }],
  ] as const) {
    const ran = await pxa(withPassword(value), options);
    expect(ran.exit).toBe(0);
    expect(ran.out + ran.err).not.toContain(SECRET);
  }
  expect(server.bodies('POST /v1/actions/plan').map((body) => (body as { params: unknown }).params)).toEqual([
    { password: SECRET },
    { password: SECRET },
    { password: SECRET },
  ]);
});

test('on a terminal a secret is asked for and not shown', async () => {
  const { exit, out, err } = await pxa(withPassword(), { tty: true, stdin: `${SECRET}\r` });
  expect(exit).toBe(0);
  expect(sent()['params']).toEqual({ password: SECRET });
  expect(out + err).not.toContain(SECRET);
});

test.each([
  [withPassword(SECRET)],
  [['plan', 'vm.cloudinit.configure', '--target', 'vm/101', `--password=${SECRET}`]],
  [['plan', 'vm.cloudinit.configure', '--target', 'vm/101', '--params', JSON.stringify({ password: SECRET })]],
  [['plan', 'vm.create_from_template', '--target', 'vm/9000', '--cloudinit', JSON.stringify({ password: SECRET })]],
  [withPassword('env:MISSING')],
  [withPassword()],
])('a secret on the command line is refused and never repeated (%#)', async (argv) => {
  for (const json of [[], ['--json']]) {
    const { exit, out, err } = await pxa([...argv, ...json]);
    expect(exit).toBe(2);
    expect(out + err).toMatch(/password|cloudinit/);
    expect(out + err).not.toContain(SECRET);
  }
  expect(server.bodies('POST /v1/actions/plan')).toEqual([]);
});

test('a plan file of several actions, with ids, environment and secrets filled in', async () => {
  const file = join(folder.path, 'plan.yaml');
  writeFileSync(
    file,
    `reason: from the file\nactions:\n  - action: vm.clone\n    target: vm/9000\n    params: {name: web2}\n  - id: pw\n    action: vm.cloudinit.configure\n    target: vm/101\n    params: {password: "env:PW"}\n    after: [a1]\n`,
  );
  const { exit } = await pxa(['plan', '--file', file], { env: { PW: SECRET } });
  expect(exit).toBe(0);
  expect(server.bodies('POST /v1/plans')).toEqual([
    {
      reason: 'from the file',
      actions: [
        { id: 'a1', environment: 'home', action: 'vm.clone', target: 'vm/9000', params: { name: 'web2' } },
        {
          id: 'pw',
          environment: 'home',
          action: 'vm.cloudinit.configure',
          target: 'vm/101',
          params: { password: SECRET },
          after: ['a1'],
        },
      ],
    },
  ]);
});

test('a broken plan file names the place', async () => {
  mkdirSync(join(folder.path, 'x'));
  for (const [text, said] of [
    ['actions: [', '--file:'],
    ['a: 1', 'no list `actions`'],
    ['- {target: vm/1}', 'actions.0.action is missing'],
    ['- {action: vm.clon}', 'Did you mean vm.clone?'],
  ]) {
    const { exit, err } = await pxa(['plan', '--file', '-'], { stdin: text ?? '' });
    expect(err.replaceAll(/\s+/g, ' ')).toContain(said);
    expect(exit).toBe(2);
  }
});

test('which environment, when there are several', async () => {
  server.routes['GET /v1/environments'] = () => ({
    environments: [
      { name: 'home', status: 'ok' },
      { name: 'cloud', status: 'ok' },
    ],
  });
  const asked = await pxa(['plan', 'vm.start', '--target', 'vm/101']);
  expect(asked.exit).toBe(2);
  expect(asked.err).toContain('Add -e with one of home, cloud.');
  await pxa(['plan', 'vm.start', '--target', 'vm/101'], { env: { PROXMOX_AGENT_ENVIRONMENT: 'cloud' } });
  expect(sent()['environment']).toBe('cloud');
});

test('a plan that policy denies ends with 3; a failed rehearsal with 1 and the step', async () => {
  server.routes['POST /v1/actions/plan'] = () => ({
    ...samplePlan,
    state: 'denied',
    decision: { outcome: 'deny', rules: [{ id: 'r', effect: 'deny', why: 'never in production' }] },
  });
  const denied = await pxa(['plan', 'vm.start', '--target', 'vm/101']);
  expect(denied.exit).toBe(3);
  expect(denied.out).toContain('Decision  denied\n      never in production (rule r)');
  expect(denied.out).not.toContain('Next');
  server.routes['POST /v1/actions/plan'] = (_, response) =>
    refuse(response, 422, 'PREFLIGHT_FAILED', 'The rehearsal failed.', {
      plan_id: PLAN_ID,
      failure: { step: 1, title: 'Start vm/101', detail: 'no such storage' },
    });
  const failed = await pxa(['plan', 'vm.start', '--target', 'vm/101']);
  expect(failed.exit).toBe(1);
  expect(failed.err).toContain(
    `error PREFLIGHT_FAILED: The rehearsal failed.\n  failed: Start vm/101: no such storage\n  plan: ${PLAN_ID}`,
  );
});

test('--json prints what the server sent, letter by letter', async () => {
  server.routes['GET /v1/plans/x'] = (_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end('{ "plan_id":"x",  "note":"\\u001b[31m\\u202e" }');
  };
  expect((await pxa(['plan', 'show', 'x', '--json'])).out).toBe('{ "plan_id":"x",  "note":"\\u001b[31m\\u202e" }\n');
});

const EXPECTED = `Plan ${PLAN_ID}  waits for approval
  vm.clone vm/9000 (debian-12 on pve1) makes vm/120
  environment  home
  asked by     ada (human)
  expires in   58 min
  reason       A second web server for the shop, because the first one is slow
               in the evening.
  change       CC-001

CANNOT BE UNDONE
  ! step 3: Roll vm/101 back: what came after the snapshot is gone

Changes
  ~ vm/101
      config.memory  2048 → 4096  [reboot]
      config.name  a → (none)
  + vm/120
      config.name  web2
  - volume/local:101/old.qcow2
      size  8G

Calls to Proxmox VE
  1. Clone template 9000 to vm/120
     POST /nodes/pve1/qemu/9000/clone  (task qmclone)
       newid=120 name=web2
     undo: Remove vm/120: DELETE /nodes/pve1/qemu/120 purge=1
  2. Set the password of vm/120
     PUT /nodes/pve1/qemu/120/config
       cipassword=[secret] delete=<the unused disk>
     undo: together with "Clone template 9000 to vm/120"
  3. Roll vm/101 back
     POST /nodes/pve1/qemu/101/snapshot/s1/rollback  (task qmrollback)
     CANNOT BE UNDONE: what came after the snapshot is gone

Risk  high: a new guest takes space on the storage; medium by itself
      raised to high: a step cannot be undone
Decision  needs 1 approval, has 0
      high risk needs the approval of a person (rule high-needs-a-person)

warn  The template is whole: its cloud-init drive is on another storage
missing  the token of this environment lacks VM.Allocate on /vms/120

Touches  2 guests, 1 service, 0 nodes: vm/101, vm/120, shop (score 5)
Takes    about 1 min 35 s
Hash     ${HASH}

Next
  proxmox-agent approve ${PLAN_ID} --hash ${HASH}
`;

test('the plan as people read it, on a terminal and in a pipe', async () => {
  server.routes[`GET /v1/plans/${PLAN_ID}`] = () => samplePlan;
  const piped = await pxa(['plan', 'show', PLAN_ID]);
  expect(piped.out).toBe(EXPECTED);
  const coloured = await pxa(['plan', 'show', PLAN_ID], { tty: true });
  expect(coloured.out).toContain('\u001b[31m\u001b[1mCANNOT BE UNDONE');
  // oxlint-disable-next-line no-control-regex -- the colours are what is taken away
  expect(coloured.out.replaceAll(/\u001b\[\d+m/g, '')).toBe(EXPECTED);
  for (const options of [{ env: { NO_COLOR: '1' } }, { env: { TERM: 'dumb' } }])
    expect((await pxa(['plan', 'show', PLAN_ID], { tty: true, ...options })).out).toBe(EXPECTED);
  expect((await pxa(['plan', 'show', PLAN_ID, '--no-color'], { tty: true })).out).toBe(EXPECTED);
});

test('what a lab says cannot drive the terminal of who reads it', async () => {
  server.routes['GET /v1/plans/x'] = () => ({ ...samplePlan, reason: '\u001b[2J\u202egone\u0007' });
  expect((await pxa(['plan', 'show', 'x'])).out).toContain('\\u001b[2J\\u202egone\\u0007');
});

test('the list of plans, page by page', async () => {
  server.routes['GET /v1/plans'] = ({ path }) =>
    path.includes('before=c2')
      ? { plans: [{ ...samplePlan, plan_id: 'second' }] }
      : { plans: [samplePlan], next: 'c2' };
  const first = await pxa(['plan', 'list', '--state', 'approved']);
  expect(first.out).toContain('vm.clone');
  expect(first.out).toContain('add --all');
  expect(server.received.at(-1)?.path).toBe('/v1/plans?state=approved');
  const all = JSON.parse((await pxa(['plan', 'list', '--all', '--json'])).out) as { plans: { plan_id: string }[] };
  expect(all.plans.map(({ plan_id }) => plan_id)).toEqual([PLAN_ID, 'second']);
});

test('an action is shown with its parameters and an example that can be typed', async () => {
  const { out } = await pxa(['actions', 'vm.clone']);
  expect(out).toContain('--newid  integer');
  expect(out).toContain('proxmox-agent plan vm.clone --target vm/9000 --name web2');
  expect((await pxa(['actions'])).out).toMatch(/^ACTION +TARGET +RISK +WHAT IT DOES\n/);
  expect((JSON.parse((await pxa(['actions', 'vm.clone', '--json'])).out) as { name: string }).name).toBe('vm.clone');
  expect((await pxa(['actions', 'vm.clon'])).exit).toBe(2);
});
