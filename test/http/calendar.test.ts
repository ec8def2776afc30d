import { afterEach, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import type { Config } from '../../src/kernel/config.ts';
import { lab, Service, START, type Got } from './support.ts';

const HOUR = 3_600_000;
/** Opens with every hour of UTC, for half of it; the lab's clock is in Berlin. */
const settings: Partial<Config> = {
  timeZone: 'Europe/Berlin',
  windows: [{ name: 'half hours', calendar: 'hourly', duration: HOUR / 2, environments: ['lab'] }],
  blackouts: [{ name: 'gone', from: '2031-01-01', to: '2031-01-02' }],
};

let service: Service | undefined;
afterEach(() => service?.close());

/** The real time, moved: 35 minutes past an hour, when the window is shut. */
function shutClock(): Clock & { move(ms: number): void } {
  const now = Date.now();
  let moved = HOUR - (now % HOUR) + 35 * 60_000;
  return {
    now: () => Date.now() + moved,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    move: (ms) => void (moved += ms),
  };
}

it('a plan is scheduled, shown in the calendar, taken back, and applied by the server itself', async () => {
  const clock = shutClock();
  const it = (service = await Service.start({ environments: [lab('lab'), lab('other')], clock, settings }));
  const token = await it.token('operator');
  const ask = (line: string, body?: unknown): Promise<Got> => it.ask(line, { token, body });
  const { plan_id } = (await ask('POST /v1/actions/plan', START)).json;
  const opens = new Date(Math.ceil(clock.now() / HOUR) * HOUR).toISOString();

  const wrong = await ask('POST /v1/actions/apply', { plan_id, when: 'tomorrow' });
  expect(wrong).toMatchObject({ status: 400, json: { code: 'VALIDATION_FAILED' } });
  expect((wrong.json['errors'] as Record<string, string>)['when']).toContain('must be window');
  const scheduled = await ask('POST /v1/actions/apply', { plan_id, when: 'window' });
  expect(scheduled).toMatchObject({
    status: 202,
    json: { plan_id, state: 'approved', schedule: { at: opens, window: 'half hours' } },
  });

  const seen = async (query: string): Promise<{ kind: string; environment: string; from: string }[]> => {
    const { json, status, text } = await ask(`GET /v1/calendar?${query}`);
    expect(status, text).toBe(200);
    expect(json['time_zone']).toBe('Europe/Berlin');
    return json['entries'] as { kind: string; environment: string; from: string }[];
  };
  const entries = await seen('environment=lab');
  expect(entries.find(({ kind }) => kind === 'plan')).toMatchObject({ name: 'vm.start vm/301', from: opens, plan_id });
  expect(entries.filter(({ kind }) => kind === 'window').length).toBeGreaterThan(100);
  expect(await seen('environment=other')).toEqual([]);
  const away = await seen('from=2030-12-31T00:00:00Z&to=2031-01-03T00:00:00Z&environment=other');
  expect(away).toMatchObject([{ kind: 'blackout', name: 'gone', from: '2030-12-31T23:00:00.000Z' }]);
  expect((await ask('GET /v1/calendar?from=2030-01-01T00:00:00Z&to=2031-01-01T00:00:00Z')).status).toBe(400);
  expect((await ask('GET /v1/calendar?environment=nope')).status).toBe(404);

  // A change stands on its day in Berlin, where it touches something.
  const change = await ask('POST /v1/changes', { title: 'New switch', date: '2031-01-02', environments: ['other'] });
  const dated = await seen('from=2030-12-31T00:00:00Z&to=2031-01-03T00:00:00Z');
  expect(dated.filter(({ kind }) => kind === 'change')).toEqual([
    {
      kind: 'change',
      environment: 'other',
      name: 'New switch',
      from: '2031-01-01T23:00:00.000Z',
      to: '2031-01-02T23:00:00.000Z',
      change_id: change.json['id'],
      status: 'planned',
      category: 'normal',
    },
  ]);

  const back = await ask(`DELETE /v1/plans/${String(plan_id)}/schedule`);
  expect(back.json).toMatchObject({ state: 'approved', schedule: { state: 'canceled' } });
  expect((await ask(`DELETE /v1/plans/${String(plan_id)}/schedule`)).status).toBe(404);

  await ask('POST /v1/actions/apply', { plan_id, when: 'window' });
  const viewer = await it.token('viewer');
  expect((await it.ask(`DELETE /v1/plans/${String(plan_id)}/schedule`, { token: viewer })).status).toBe(403);
  clock.move(26 * 60_000);
  // What a queue on a clock that was moved would notice within a minute: any new job lets it look.
  const other = (await ask('POST /v1/actions/plan', { ...START, target: 'vm/302' })).json;
  expect((await ask('POST /v1/actions/apply', { plan_id: other['plan_id'], when: 'window' })).status).toBe(202);
  await expect
    .poll(async () => (await ask(`GET /v1/plans/${String(plan_id)}`)).json['state'], { timeout: 20_000 })
    .toBe('applied');
});

it('a freeze may have an end, is shown with it, and needs reasons at both ends', async () => {
  const clock = shutClock();
  const it = (service = await Service.start({ clock, settings }));
  const token = await it.token('approver');
  const post = (verb: string, body: unknown): Promise<Got> =>
    it.ask(`POST /v1/environments/lab/${verb}`, { token, body });
  const until = new Date(clock.now() + HOUR).toISOString();
  expect((await post('freeze', { reason: 'ups', until: '2020-01-01T00:00:00Z' })).json).toMatchObject({
    code: 'VALIDATION_FAILED',
    errors: { until: 'must be in the future' },
  });
  expect((await post('freeze', { reason: 'on battery', until })).status).toBe(200);
  const { plan_id } = (await it.ask('POST /v1/actions/plan', { token, body: START })).json;
  const refused = await it.ask('POST /v1/actions/apply', { token, body: { plan_id } });
  expect(refused.json).toMatchObject({ code: 'ENVIRONMENT_FROZEN' });
  expect(refused.json['detail']).toContain(until);
  const { entries } = (await it.ask('GET /v1/calendar', { token })).json as { entries: { kind: string }[] };
  expect(entries.find(({ kind }) => kind === 'freeze')).toMatchObject({ name: 'on battery', to: until });
  expect((await post('thaw', {})).json).toMatchObject({ code: 'VALIDATION_FAILED' });
  clock.move(2 * HOUR);
  const { environments } = (await it.ask('GET /v1/environments', { token })).json as { environments: object[] };
  expect(environments[0]).not.toHaveProperty('frozen');
});
