import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NOW, QuickClock, refuse, run, ScriptedServer, type RunOptions } from './testing.ts';
import type { Effect, Operation } from './model.ts';
import { HASH, PLAN_ID, samplePlan } from './testing_plan.ts';

const ID = '019b76da-a800-7000-8000-00000000000a';
const iso = (seconds: number): string => new Date(NOW + seconds * 1000).toISOString();

const effect = (seq: number, state: string, more: Partial<Effect> = {}): Effect => ({
  seq,
  title: `Step ${seq}`,
  state,
  ...(state === 'pending' ? {} : { started_at: iso(0) }),
  ...(state === 'done' ? { ended_at: iso(12) } : {}),
  ...more,
});
const operation = (state: string, more: Partial<Operation> = {}): Operation => ({
  operation_id: ID,
  plan_id: PLAN_ID,
  environment: 'home',
  state,
  attempt: 1,
  effects: [],
  verification: [],
  started_at: iso(0),
  ...more,
});

const APPLIED = operation('applied', {
  ended_at: iso(34),
  effects: [effect(1, 'done'), effect(2, 'done')],
  verification: [{ check: 'vm/120 runs', result: 'pass' }],
  results: { a1: { vmid: 120, addresses: ['192.0.2.5', { interface: 'eth0', address: '192.0.2.6', prefix: 24 }] } },
});

let server: ScriptedServer;
let now: Operation;
let streams: ServerResponse[];
let lastIds: (string | undefined)[];
/** Called when a stream is open and the operation was read once more. */
let onStream: (count: number) => void;

const tell = (id: number): void => {
  for (const stream of streams) stream.write(`id: ${id}\nevent: operation.effect.done\ndata: {"id":${id}}\n\n`);
};

beforeEach(async () => {
  now = operation('running', { effects: [effect(1, 'running', { upid: 'UPID:pve1:1' }), effect(2, 'pending')] });
  streams = [];
  lastIds = [];
  onStream = () => {};
  let readsOfStream = 0;
  server = await new ScriptedServer({
    'POST /v1/actions/apply': (_, response) => {
      response.statusCode = 202;
      return operation('queued');
    },
    [`GET /v1/operations/${ID}`]: (_, response) => {
      // The second read after a stream's begin is the one that the reader waits behind.
      if (streams.length > readsOfStream) {
        readsOfStream = streams.length;
        response.on('finish', () => onStream(readsOfStream));
      }
      return now;
    },
    'GET /v1/events': ({ headers }, response) => {
      lastIds.push(headers['last-event-id'] as string | undefined);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
      streams.push(response);
    },
  }).start();
});
afterEach(() => server.kill());

const pxa = (argv: string[], options: RunOptions = {}) => run(argv, { server, ...options });

test('apply begins once, with a key, and tells each state of each step once', async () => {
  const steps = [
    () =>
      (now = operation('running', {
        effects: [effect(1, 'done'), effect(2, 'running', { upid: 'UPID:pve1:2', in_doubt: { settled_by: 'task' } })],
      })),
    () => (now = operation('verifying', { effects: APPLIED.effects ?? [] })),
    () => (now = APPLIED),
  ];
  onStream = () => {
    let id = 7;
    const next = (): void => {
      const step = steps.shift();
      if (step === undefined) return;
      step();
      tell(id++);
      setImmediate(() => server.received.at(-1)?.path.startsWith('/v1/operations') && next());
    };
    next();
  };
  const { exit, out, err } = await pxa(['apply', PLAN_ID]);
  expect(exit).toBe(0);
  expect(err).toBe('');
  expect(out.split('\n').slice(0, 3)).toEqual([
    `Operation ${ID} applies plan ${PLAN_ID}.`,
    '  1/2 running Step 1',
    '        UPID:pve1:1',
  ]);
  expect(out.match(/1\/2 done {4}Step 1 {2}12 s/g)).toHaveLength(1);
  expect(out.match(/2\/2 done {4}Step 2 {2}12 s/g)).toHaveLength(1);
  expect(
    out.endsWith(
      '\nVerified\n  pass  vm/120 runs\n\nResult\n  vmid  120\n  addresses  192.0.2.5, 192.0.2.6/24 (eth0)\n\nApplied and verified after 34 s.\n',
    ),
  ).toBe(true);
  expect(out).not.toContain('\u001b');
  const [begun] = server.received;
  expect(begun?.body).toEqual({ plan_id: PLAN_ID });
  expect(begun?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  expect(server.received.find(({ path }) => path.startsWith('/v1/events'))?.path).toBe(`/v1/events?plan_id=${PLAN_ID}`);
});

test('a server that goes away and comes back is waited for, and asked for what came after the last event', async () => {
  const clock = new QuickClock(NOW);
  const sleep = clock.sleep.bind(clock);
  let restarted = false;
  clock.sleep = async (ms, signal) => {
    if (ms < 30_000 && clock.now() - NOW > 3000 && !restarted) {
      restarted = true;
      now = APPLIED;
      await server.start();
    }
    return sleep(ms, signal);
  };
  onStream = (count) => {
    if (count !== 1) return;
    tell(41);
    setImmediate(() => void server.kill());
  };
  const { exit, out, err } = await pxa(['apply', PLAN_ID], { clock });
  expect(exit).toBe(0);
  expect(err).toBe('The server does not answer; trying again for up to 5 minutes.\nThe server is back.\n');
  expect(out).toContain('Applied and verified');
  expect(server.bodies('POST /v1/actions/apply')).toHaveLength(1);
});

test('a stream that is cut is opened again where it stopped', async () => {
  onStream = (count) => {
    if (count === 1) {
      tell(41);
      streams[0]?.end();
    } else {
      now = APPLIED;
      tell(42);
    }
  };
  const { exit, err } = await pxa(['op', 'watch', ID]);
  expect({ exit, err }).toEqual({ exit: 0, err: '' });
  expect(lastIds).toEqual([undefined, '41']);
});

test('after five minutes without an answer the watching ends with 7 and says how to go on', async () => {
  onStream = () => void server.kill();
  const { exit, err } = await pxa(['apply', PLAN_ID]);
  expect(exit).toBe(7);
  expect(err).toContain('error SERVER_UNREACHABLE: The server has not answered for 5 minutes.');
  expect(err.replaceAll(/\s+/g, ' ')).toContain(`proxmox-agent op watch ${ID}`);
});

test('an apply whose answer was lost is sent again with the same key', async () => {
  const route = server.routes['POST /v1/actions/apply'];
  let attempts = 0;
  server.routes['POST /v1/actions/apply'] = (request, response) => {
    attempts += 1;
    if (attempts === 1) return void response.socket?.destroy();
    if (attempts === 2) return refuse(response, 409, 'TARGET_BUSY', 'the first is under way');
    return route?.(request, response);
  };
  now = APPLIED;
  expect((await pxa(['apply', PLAN_ID])).exit).toBe(0);
  const keys = server.received
    .filter(({ path }) => path === '/v1/actions/apply')
    .map(({ headers }) => headers['idempotency-key']);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
});

test.each([
  ['applied', 0, 'Applied and verified'],
  ['failed', 1, 'FAILED'],
  ['canceled', 6, 'Canceled'],
  [
    'needs_attention',
    8,
    `NEEDS ATTENTION: a person has to decide.\n  PVE_TASK_FAILED: no space\n  proxmox-agent op resume ${ID}\n  proxmox-agent op cancel ${ID}`,
  ],
])('an operation that is %s ends with %i', async (state, exit, said) => {
  now = operation(state, { error: state === 'applied' ? null : { code: 'PVE_TASK_FAILED', message: 'no space' } });
  const ran = await pxa(['apply', PLAN_ID]);
  expect(ran.exit).toBe(exit);
  expect(ran.out).toContain(said);
  const json = await pxa(['apply', PLAN_ID, '--json']);
  expect(json.exit).toBe(exit);
  expect(json.out).toBe(`${JSON.stringify(now)}\n`);
});

test('what was taken back, and what was left, stands at the end', async () => {
  now = operation('failed', {
    effects: [effect(1, 'done'), effect(2, 'failed', { error: { code: 'PVE_TASK_FAILED', message: 'no space left' } })],
    compensation: [
      { seq: 1, title: 'Step 1', state: 'undone', why: 'Remove vm/120' },
      { seq: 0, title: 'Step 0', state: 'left', why: 'cannot be undone' },
    ],
    error: { code: 'PVE_TASK_FAILED', message: 'no space left' },
  });
  const { out } = await pxa(['op', 'show', ID]);
  expect(out).toBe(
    `Operation ${ID}  failed\n  plan         ${PLAN_ID}\n  environment  home\n\n  1/2 done    Step 1  12 s\n  2/2 failed  Step 2\n        PVE_TASK_FAILED: no space left\n\nTaken back\n  undone  Step 1: Remove vm/120\n  LEFT  Step 0: cannot be undone\n\nFAILED.\n  PVE_TASK_FAILED: no space left\n  1 of the steps above was not taken back; look at the lab.\n`,
  );
});

test('on a terminal one line shows the progress and is drawn over', async () => {
  now = operation('running', {
    waiting_for: { why: 'a lock', target: 'vm/101' },
    effects: [
      effect(1, 'running', { progress: { line: `transferred ${'x'.repeat(100)}`, fraction: 0.45 } }),
      effect(2, 'pending'),
    ],
  });
  onStream = () => {
    now = APPLIED;
    tell(1);
  };
  const { out } = await pxa(['apply', PLAN_ID], { tty: true });
  expect(out).toContain('  Waiting for a lock, vm/101\n');
  // oxlint-disable-next-line no-control-regex -- the terminal's own language is what is looked for
  const drawn = /\u001b\[36m( {2}\[#{9}\.{11}\] 45% Step 1: transferred x+…)\u001b\[39m\r\u001b\[2K/.exec(out)?.[1];
  expect(drawn).toHaveLength(79);
});

test('apply without waiting, and with the request again', async () => {
  server.routes['GET /v1/actions'] = () => ({
    actions: [
      {
        name: 'vm.x',
        title: '',
        risk: 'low',
        target: 'vm',
        params: { properties: { password: { type: 'string', writeOnly: true } } },
      },
    ],
  });
  const { exit, out } = await pxa(
    ['apply', PLAN_ID, '--no-wait', '--request', '{"action":"vm.x","params":{"password":"env:PW"}}'],
    { env: { PW: 's3' } },
  );
  expect(exit).toBe(0);
  expect(out).toContain(`proxmox-agent op watch ${ID}`);
  expect(server.bodies('POST /v1/actions/apply')).toEqual([
    { plan_id: PLAN_ID, request: { action: 'vm.x', params: { password: 's3' } } },
  ]);
  const literal = await pxa(['apply', PLAN_ID, '--request', '{"action":"vm.x","params":{"password":"planted"}}']);
  expect(literal.exit).toBe(2);
  expect(literal.err).not.toContain('planted');
});

test.each([
  ['APPROVAL_REQUIRED', 409, 4],
  ['PLAN_EXPIRED', 409, 6],
  ['POLICY_DENIED', 403, 3],
  ['PLAN_NOT_FOUND', 404, 5],
])('a refused apply: %s', async (code, status, exit) => {
  server.routes['POST /v1/actions/apply'] = (_, response) => refuse(response, status, code, 'why');
  const ran = await pxa(['apply', PLAN_ID]);
  expect(ran.exit).toBe(exit);
  expect(ran.err).toContain(`error ${code}: why\n`);
  expect(server.received).toHaveLength(1);
});

test('approve in a program: the whole hash, or nothing is sent', async () => {
  server.routes[`POST /v1/plans/${PLAN_ID}/approve`] = () => ({ ...samplePlan, state: 'approved' });
  for (const words of [[], ['--yes'], ['--hash', HASH.slice(0, 12)]])
    expect((await pxa(['approve', PLAN_ID, ...words])).exit).toBe(2);
  expect(server.received).toEqual([]);
  const { exit, out } = await pxa(['approve', PLAN_ID, '--hash', HASH, '--comment', 'fine']);
  expect({ exit, out }).toEqual({ exit: 0, out: `Approved.\n  proxmox-agent apply ${PLAN_ID}\n` });
  expect(server.received.at(-1)?.body).toEqual({ plan_hash: HASH, comment: 'fine' });
});

test('approve on a terminal: the plan is shown, the person asked, its hash sent', async () => {
  server.routes[`GET /v1/plans/${PLAN_ID}`] = () => samplePlan;
  server.routes[`POST /v1/plans/${PLAN_ID}/approve`] = () => ({
    ...samplePlan,
    approvals: [{}],
    decision: { outcome: 'require_approval', approvals_required: 2 },
  });
  const refused = await pxa(['approve', PLAN_ID], { tty: true, stdin: 'n' });
  expect(refused.exit).toBe(6);
  expect(refused.out).toContain('CANNOT BE UNDONE');
  expect(server.bodies(`POST /v1/plans/${PLAN_ID}/approve`)).toEqual([]);
  const { exit, out } = await pxa(['approve', PLAN_ID], { tty: true, stdin: 'y' });
  expect(exit).toBe(0);
  expect(out).toContain('Your approval is recorded: 1 of 2. The plan is awaiting approval.');
  await pxa(['approve', PLAN_ID, '--yes'], { tty: true });
  expect(server.bodies(`POST /v1/plans/${PLAN_ID}/approve`)).toEqual([{ plan_hash: HASH }, { plan_hash: HASH }]);
});

test('reject, cancel, and the verbs on operations', async () => {
  for (const verb of ['reject', 'cancel'])
    server.routes[`POST /v1/plans/${PLAN_ID}/${verb}`] = () => ({ ...samplePlan, state: 'denied' });
  for (const verb of ['cancel', 'resume'])
    server.routes[`POST /v1/operations/${ID}/${verb}`] = () => operation('running');
  server.routes['GET /v1/operations'] = () => ({ operations: [operation('running', { targets: ['vm/101'] })] });
  expect((await pxa(['reject', PLAN_ID, '--comment', 'no'])).out).toBe('Rejected; the plan is denied.\n');
  expect(server.received.at(-1)?.body).toEqual({ comment: 'no' });
  expect((await pxa(['plan', 'cancel', PLAN_ID])).out).toBe('Taken back; the plan is denied.\n');
  server.routes[`POST /v1/plans/${PLAN_ID}/replan`] = () => ({ ...samplePlan, state: 'approved' });
  const again = await pxa(['plan', 'again', PLAN_ID]);
  expect(again).toMatchObject({ exit: 0, err: '' });
  expect(again.out).toContain(`proxmox-agent apply ${samplePlan.plan_id}`);
  expect((await pxa(['op', 'cancel', ID])).out).toContain('Cancel is asked for; the operation is running.');
  expect((await pxa(['op', 'resume', ID])).out).toContain('The operation goes on; it is running.');
  expect((await pxa(['op', 'list', '--active'])).out).toContain(`${ID}  running  home`);
  expect(server.received.at(-1)?.path).toBe('/v1/operations?active=1');
});
