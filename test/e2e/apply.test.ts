import { afterEach, describe, expect, it } from 'vitest';
import { World } from '../support/processes.ts';

const CREATE = [
  'vm.create_from_template',
  '--target',
  'vm/9000',
  '--name',
  'web1',
  '--cores',
  '4',
  '--disk.size',
  '20G',
  '--tags',
  'web',
];
let world: World;
afterEach(() => world.close());

async function start(speed: string): Promise<void> {
  world = new World();
  await world.startSimulator('--speed', speed);
  await world.startServer();
}

type Call = { method: string; path: string };
async function calls(): Promise<string[]> {
  const answer = (await world.control('calls')) as { calls?: Call[] } | Call[];
  return (Array.isArray(answer) ? answer : (answer.calls ?? [])).map(({ method, path }) => `${method} ${path}`);
}

const STEPS = (vmid: number | undefined): string[] => [
  'POST /nodes/pve4/qemu/9000/clone',
  `PUT /nodes/pve4/qemu/${vmid ?? 0}/config`,
  `PUT /nodes/pve4/qemu/${vmid ?? 0}/resize`,
  `POST /nodes/pve4/qemu/${vmid ?? 0}/status/start`,
];

describe('the real processes', () => {
  it('plan, approve, apply, watch, verify and audit with the command line alone', { timeout: 60_000 }, async () => {
    await start('20');
    const plan = await world.json('plan', ...CREATE);
    expect(plan['state']).toBe('approved');
    const shown = await world.cli('plan', 'show', String(plan['plan_id']));
    expect(shown.stdout).toMatch(/Clone vm\/9000/);
    const applied = await world.cli('apply', String(plan['plan_id']));
    expect(applied, applied.stdout + applied.stderr).toMatchObject({ code: 0 });
    expect(applied.stdout).toMatch(/Applied and verified/);
    const [request] = plan['requests'] as { newid: number }[];
    expect(await calls()).toEqual(STEPS(request?.newid));
    const status = await world.json('status', `vm/${request?.newid}`);
    expect(status).toMatchObject({ status: 'running', name: 'web1' });

    const risky = await world.json('plan', 'vm.stop', '--target', `vm/${request?.newid}`);
    expect(risky['state']).toBe('awaiting_approval');
    expect(await world.cli('apply', String(risky['plan_id']))).toMatchObject({ code: 4 });
    expect(await world.cli('approve', String(risky['plan_id']), '--hash', String(risky['plan_hash']))).toMatchObject({
      code: 0,
    });
    expect(await world.cli('apply', String(risky['plan_id']))).toMatchObject({ code: 0 });

    const verified = await world.cli('audit', 'verify');
    expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
  });

  it.each([
    ['while the clone runs', /clone$/],
    ['while the start runs', /status\/start$/],
  ])('end the same when the server is killed %s and started again', { timeout: 90_000 }, async (_, step) => {
    // Slow enough that the kill comes while the step's task runs.
    await start('1');
    const plan = await world.json('plan', ...CREATE);
    const { operation_id } = (await world.json('apply', String(plan['plan_id']), '--no-wait')) as {
      operation_id: string;
    };
    while (!(await calls()).some((call) => step.test(call))) await world.json('op', 'show', operation_id);
    await world.server?.stop('SIGKILL');
    await world.startServer();
    const watched = await world.cli('op', 'watch', operation_id);
    expect(watched, watched.stdout + watched.stderr).toMatchObject({ code: 0 });
    const [request] = plan['requests'] as { newid: number }[];
    expect(await calls()).toEqual(STEPS(request?.newid));
    expect(await world.json('op', 'show', operation_id)).toMatchObject({ state: 'applied', attempt: 2 });
    expect(await world.cli('audit', 'verify')).toMatchObject({ code: 0 });
  });

  it(
    'end the same when the server is killed twice in one operation, and when it is told to stop',
    { timeout: 90_000 },
    async () => {
      await start('1');
      const plan = await world.json('plan', ...CREATE);
      const { operation_id } = (await world.json('apply', String(plan['plan_id']), '--no-wait')) as {
        operation_id: string;
      };
      for (const [step, signal] of [
        [/clone$/, 'SIGKILL'],
        [/resize$/, 'SIGKILL'],
        [/start$/, 'SIGTERM'],
      ] as const) {
        while (!(await calls()).some((call) => step.test(call))) await world.json('op', 'show', operation_id);
        await world.server?.stop(signal);
        await world.startServer();
      }
      expect(await world.cli('op', 'watch', operation_id)).toMatchObject({ code: 0 });
      const [request] = plan['requests'] as { newid: number }[];
      expect(await calls()).toEqual(STEPS(request?.newid));
    },
  );

  it('give each mistake its own words and exit code', { timeout: 60_000 }, async () => {
    await start('instant');
    expect(await world.cli('plan', 'vm.strat', '--target', 'vm/301')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Did you mean vm\.start/) as string,
    });
    expect(await world.cli('plan', 'vm.configure', '--target', 'vm/301', '--core', '2')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/cores/) as string,
    });
    expect(await world.cli('plan', 'vm.start', '--target', 'vm/777')).toMatchObject({ code: 5 });
    expect(await world.cli('plan', 'show', '01900000-0000-7000-8000-000000000000')).toMatchObject({ code: 5 });
    const agent = await world.json('token', 'create', '--name', 'bot', '--role', 'admin', '--class', 'agent');
    world.env['PROXMOX_AGENT_TOKEN'] = String(agent['token']);
    const plan = await world.json('plan', 'vm.start', '--target', 'vm/301');
    expect(await world.cli('approve', String(plan['plan_id']), '--hash', String(plan['plan_hash']))).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/APPROVAL_FORBIDDEN/) as string,
    });
    await world.simulator?.stop();
    expect(await world.cli('plan', 'vm.start', '--target', 'vm/301')).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/PVE_UNREACHABLE/) as string,
    });
    await world.server?.stop();
    expect(await world.cli('plan', 'list')).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/SERVER_UNREACHABLE/) as string,
    });
  });

  it('refuse a second server on the same data directory', { timeout: 30_000 }, async () => {
    await start('instant');
    const first = world.server;
    await expect(world.startServer()).rejects.toThrow(/DATA_DIRECTORY_BUSY/);
    world.server = first;
  });
});
