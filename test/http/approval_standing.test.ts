import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { revoke } from '../../src/identity/index.ts';
import { join, movable } from './browser.ts';
import { BOOTSTRAP, owner, Service, STOP, type Got } from './support.ts';

/** A yes counts when the plan is applied, so whoever gave it has to be somebody who may give it still. */
let service: Service;
const clock = movable();
beforeAll(async () => {
  service = await Service.twoLabs({ clock });
});
afterAll(() => service.close());

const by = (token: string) => (line: string, body?: unknown) => service.ask(line, { token, body });
type Call = (line: string, body?: unknown) => Promise<Got>;

const planned = async (vmid: number): Promise<{ plan_id: string; plan_hash: string }> => {
  const made = await by(BOOTSTRAP)('POST /v1/actions/plan', { ...STOP, target: `vm/${vmid}` });
  expect(made.json['state'], made.text).toBe('awaiting_approval');
  return made.json as { plan_id: string; plan_hash: string };
};
const approve = async (ask: Call, { plan_id, plan_hash }: { plan_id: string; plan_hash: string }): Promise<void> => {
  const answer = await ask(`POST /v1/plans/${plan_id}/approve`, { plan_hash });
  expect(answer.json['state'], answer.text).toBe('approved');
};
const apply = ({ plan_id }: { plan_id: string }): Promise<Got> => by(BOOTSTRAP)('POST /v1/actions/apply', { plan_id });

let count = 0;
async function approver(): Promise<{ readonly name: string; readonly id: string; readonly ask: Call }> {
  const name = `approver${++count}`;
  const { id, browser } = await join(service, BOOTSTRAP, name, { '*': 'approver' });
  return { name, id, ask: (line, body) => browser.ask(line, body) };
}
const change = (id: string, what: unknown): Promise<Got> => by(BOOTSTRAP)(`PATCH /v1/people/${id}`, what);

describe('an approval counts no more at the apply', () => {
  it.each<[string, number, object]>([
    ['was disabled meanwhile', 211, { disabled: true }],
    ['has a lower role there by now', 212, { grants: { lab: 'operator', '*': 'admin' } }],
    ['has no rights there any more', 213, { grants: { other: 'admin' } }],
  ])('when its person %s, until somebody else gives one', async (_, vmid, what) => {
    const plan = await planned(vmid);
    const { name, id, ask } = await approver();
    await approve(ask, plan);
    await change(id, what);
    const refused = await apply(plan);
    expect(refused).toMatchObject({ status: 409, json: { code: 'APPROVAL_REQUIRED' } });
    expect(refused.json['detail']).toContain(`${name} may not approve in lab any more`);
    await approve((await approver()).ask, plan);
    expect((await apply(plan)).status).toBe(202);
  });

  it('when its token was revoked', async () => {
    const plan = await planned(214);
    const token = await service.token('approver');
    await approve(by(token), plan);
    const mine = await by(token)('GET /v1/me');
    await revoke(service.app.identity, String(mine.json['id']), owner);
    expect((await apply(plan)).json['code']).toBe('APPROVAL_REQUIRED');
  });
});

describe('an approval counts still', () => {
  it('when its token has merely expired, and when its person signed out', async () => {
    const plan = await planned(201);
    await approve(by(await service.token('approver', 'human', undefined, '5m')), plan);
    clock.advance(6 * 60_000);
    expect((await apply(plan)).status).toBe(202);
    const other = await planned(202);
    const { ask } = await approver();
    await approve(ask, other);
    await ask('DELETE /v1/session');
    expect((await apply(other)).status).toBe(202);
  });
});
