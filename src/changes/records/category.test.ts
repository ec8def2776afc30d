import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Case } from '../../../test/contract/cases.ts';
import { person, type Harness } from '../../../test/support/harness.ts';
import * as cel from '../policy/cel.ts';
import { judgeBy } from '../policy/evaluate.ts';
import { ruleSchema, ruleSetBy } from '../policy/rules.ts';
import { wallClock } from '../policy/scope.ts';
import type { PolicyInput } from '../policy/types.ts';
import { approveChange, createChange, updateChange, viewChange } from './index.ts';

/** A rule that allows one action, as the policy of the lab. */
const STARTS = ruleSchema.parse({
  id: 'standard.start',
  description: 'Starting a guest is routine',
  when: 'action.name == "vm.start"',
  effect: 'allow',
  why: 'it is routine',
});
const RULES = ruleSetBy(cel, [STARTS]);
const evaluate = (input: PolicyInput) => judgeBy(RULES, input, wallClock('UTC')).decision;

let one: Case;
let life: Harness;
let id: string;
beforeEach(async () => {
  one = new Case();
  life = one.life();
  Object.assign(life.changes, { policy: { evaluate } });
  id = String((await createChange(life.changes, { content: { title: 'Routine' } }, person))['id']);
});
afterEach(async () => {
  await life.close();
  one.close();
});

const planned = (action: string, target: string): Promise<Record<string, unknown>> =>
  life.plan({ environment: 'home', action, target, change_id: id });
const standard = (): Promise<Record<string, unknown>> =>
  updateChange(life.changes, id, { category: 'standard', content: {} }, person);

describe('a normal change that is under way', () => {
  it('is approved again when it was rewritten, before more of its plans are applied', async () => {
    const approve = async (): Promise<unknown> => {
      const { digest } = await viewChange(life.changes, id, person);
      return approveChange(life.changes, id, { digest: String(digest) }, person);
    };
    await approve();
    await life.end(await life.begin(await planned('vm.start', 'vm/301')));
    await expect(approve()).rejects.toThrow(/nothing to approve/);
    await updateChange(life.changes, id, { content: { summary: 'and the others as well' } }, person);
    const other = await planned('vm.start', 'vm/302');
    await expect(life.begin(other)).rejects.toThrow(/it was rewritten after its approval, so it is approved again/);
    await approve();
    await life.end(await life.begin(other));
    expect(await viewChange(life.changes, id, person)).toMatchObject({ status: 'in_progress' });
  });
});

describe('a change whose plans a rule has allowed', () => {
  it('may be standard, and its plans are applied without an approval', async () => {
    const start = await planned('vm.start', 'vm/301');
    expect(start).toMatchObject({ change_category: { proposed: 'standard', rule: 'standard.start' } });
    expect(await standard()).toMatchObject({ category: 'standard', status: 'planned' });
    await life.end(await life.begin(start));
    expect(await viewChange(life.changes, id, person)).toMatchObject({ status: 'in_progress' });
  });

  it('is not standard while one of them is something else', async () => {
    await planned('vm.start', 'vm/301');
    await planned('vm.reboot', 'vm/303');
    await expect(standard()).rejects.toThrow(/is not among what a rule allows \(the risk is medium/);
  });

  it('does not let another plan through that was made later, also when it is under way', async () => {
    const start = await planned('vm.start', 'vm/301');
    await standard();
    const other = await planned('vm.reboot', 'vm/303');
    const refused = /no rule has allowed this plan beforehand, so the change is approved first/;
    await expect(life.begin(other)).rejects.toThrow(refused);
    await life.end(await life.begin(start));
    await expect(life.begin(other)).rejects.toThrow(refused);
  });
});
