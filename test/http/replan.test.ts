import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { BOOTSTRAP, Service, STOP, type Got } from './support.ts';

/** The same planned again: a yes is kept when it is about exactly the same, once, and not for ever. */
let service: Service;
let approver: string;
let operator: string;
let agent: string;
let added = 0;
/** It goes on by itself, so that tasks end. */
const clock = { ...systemClock, now: () => Date.now() + added, advance: (ms: number) => void (added += ms) };
beforeAll(async () => {
  service = await Service.twoLabs({ clock });
  approver = await service.token('approver');
  operator = await service.token('operator');
  agent = await service.token('operator', 'agent');
});
afterAll(() => service.close());

const MINUTE = 60_000;
interface Plan {
  readonly plan_id: string;
  readonly plan_hash: string;
  readonly state: string;
  readonly approvals: readonly { readonly by: unknown }[];
}
const ask = (token: string, line: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });
const planned = async (vmid: number, token = operator): Promise<Plan> => {
  const made = await ask(token, 'POST /v1/actions/plan', { ...STOP, target: `vm/${vmid}` });
  expect(made.json['state'], made.text).toBe('awaiting_approval');
  return made.json as unknown as Plan;
};
const approve = async ({ plan_id, plan_hash }: Plan): Promise<void> => {
  const answer = await ask(approver, `POST /v1/plans/${plan_id}/approve`, { plan_hash });
  expect(answer.json['state'], answer.text).toBe('approved');
};
const again = async ({ plan_id }: Plan, token = operator): Promise<Plan> => {
  const made = await ask(token, `POST /v1/plans/${plan_id}/replan`, {});
  expect(made.status, made.text).toBe(201);
  return made.json as unknown as Plan;
};
const now = async ({ plan_id }: Plan): Promise<Plan> =>
  (await ask(operator, `GET /v1/plans/${plan_id}`)).json as unknown as Plan;
const apply = ({ plan_id }: Plan, token = operator): Promise<Got> =>
  ask(token, 'POST /v1/actions/apply?wait=60', { plan_id });

describe('a plan that is made again', () => {
  it('stays approved when nothing has changed, and the old one is taken back', async () => {
    const old = await planned(211);
    await approve(old);
    const made = await again(old);
    expect(made).toMatchObject({ state: 'approved', plan_hash: old.plan_hash });
    expect(made.approvals).toHaveLength(1);
    expect(await now(old)).toMatchObject({ state: 'canceled', approvals: [] });
    expect((await apply(old)).json['code']).toBe('PLAN_STATE');
    expect((await apply(made)).json).toMatchObject({ state: 'applied' });
    expect((await ask(operator, `POST /v1/plans/${made.plan_id}/replan`, {})).json['code']).toBe('PLAN_CONSUMED');
    const { records } = (await ask(BOOTSTRAP, 'GET /v1/audit?last=30')).json as { records: { event: string }[] };
    expect(records.filter(({ event }) => event === 'approval.kept')).toMatchObject([
      { ids: { plan_id: made.plan_id }, payload: { from: old.plan_id, given: ['human approver'] } },
    ]);
  });

  it('is approved anew when the guest is another than it was', async () => {
    const old = await planned(212);
    await approve(old);
    const tags = { environment: 'lab', action: 'vm.configure', target: 'vm/212', params: { tags: ['moved'] } };
    const other = (await ask(BOOTSTRAP, 'POST /v1/actions/plan', tags)).json as unknown as Plan;
    if (other.state === 'awaiting_approval') await approve(other);
    expect((await apply(other)).json).toMatchObject({ state: 'applied' });
    const made = await again(old);
    expect(made).toMatchObject({ state: 'awaiting_approval', approvals: [] });
    expect(made.plan_hash).not.toBe(old.plan_hash);
  });

  it('is approved anew when somebody else makes it: who asks is part of what is approved', async () => {
    const old = await planned(213);
    await approve(old);
    expect(await again(old, BOOTSTRAP)).toMatchObject({ state: 'awaiting_approval', approvals: [] });
  });

  it('stays approved after it expired, once, and as long as the yes is no older than such a plan lives', async () => {
    const old = await planned(214);
    clock.advance(40 * MINUTE);
    await approve(old);
    clock.advance(40 * MINUTE);
    expect(await now(old)).toMatchObject({ state: 'expired' });
    const made = await again(old);
    expect(made).toMatchObject({ state: 'approved', plan_hash: old.plan_hash });
    expect(await again(old)).toMatchObject({ state: 'awaiting_approval', approvals: [] });
    clock.advance(25 * MINUTE);
    expect(await again(made)).toMatchObject({ state: 'awaiting_approval', approvals: [] });
  });

  it('whose rehearsal fails now leaves the old one as it is', async () => {
    const snapshot = { environment: 'lab', action: 'snapshot.create', target: 'vm/121', params: { name: 'again' } };
    const [old, other] = [1, 2].map(async () => (await ask(operator, 'POST /v1/actions/plan', snapshot)).json);
    const applied = await apply((await other) as unknown as Plan);
    expect(applied.json, applied.text).toMatchObject({ state: 'applied' });
    const { plan_id } = (await old) as unknown as Plan;
    const failed = await ask(operator, `POST /v1/plans/${plan_id}/replan`, {});
    expect(failed, failed.text).toMatchObject({ status: 422, json: { code: 'PREFLIGHT_FAILED' } });
    expect(failed.json['plan_id']).not.toBe(plan_id);
    expect((await ask(operator, `GET /v1/plans/${plan_id}`)).json).toMatchObject({ state: 'approved' });
  });

  it('stays rejected, and says no more than before', async () => {
    const old = await planned(202);
    await ask(approver, `POST /v1/plans/${old.plan_id}/reject`, {});
    expect(await again(old)).toMatchObject({ state: 'awaiting_approval', approvals: [] });
  });

  it('is an agent’s as before: it keeps the yes of a person and can give none', async () => {
    const old = await planned(203, agent);
    await approve(old);
    const made = await again(old, agent);
    expect((await apply(made, agent)).json).toMatchObject({ state: 'applied' });
  });

  it('keeps several actions in their order', async () => {
    const actions = [
      { ...STOP, id: 'first', target: 'vm/104' },
      { ...STOP, id: 'then', target: 'vm/105', after: ['first'] },
    ];
    const old = (await ask(operator, 'POST /v1/plans', { actions })).json as unknown as Plan;
    await approve(old);
    expect(await again(old)).toMatchObject({ state: 'approved', plan_hash: old.plan_hash });
    const one = (await ask(operator, 'POST /v1/plans', { actions: [{ ...STOP, id: 'a1', target: 'vm/106' }] })).json;
    expect(await again(one as unknown as Plan)).toMatchObject({ request_hash: one['request_hash'] });
  });
});

describe('a plan with a secret that is made again', () => {
  const SECRET = 'a-planted-secret-2931';
  const create = {
    environment: 'lab',
    action: 'vm.cloudinit.configure',
    target: 'vm/301',
    params: { password: SECRET },
  };

  it('has it still while it is open, and asks for it once it has ended', async () => {
    const old = (await ask(operator, 'POST /v1/actions/plan', create)).json as unknown as Plan;
    const made = await again(old);
    expect(JSON.stringify(made)).not.toContain(SECRET);
    await ask(operator, `POST /v1/plans/${made.plan_id}/cancel`, {});
    const refused = await ask(operator, `POST /v1/plans/${made.plan_id}/replan`, {});
    expect(refused).toMatchObject({ status: 400, json: { errors: { params: 'hold secrets that are not kept' } } });
  });
});
