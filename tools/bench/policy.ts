import { findAction } from '../../src/actions/index.ts';
import type { PreparedRequest } from '../../src/operations/index.ts';
import { baseline } from '../../src/changes/index.ts';
import { judgeBy } from '../../src/changes/policy/evaluate.ts';
import { readRules } from '../../src/changes/policy/read.ts';
import { unknownTarget, wallClock } from '../../src/changes/policy/scope.ts';
import type { PolicyInput } from '../../src/changes/policy/types.ts';
import type { Figure } from './figure.ts';

const RULES = 50;
const ROUNDS = 10_000;

/** As people write them: each reads the action, the target, the time and the change; the last one applies. */
const rulesText = (): string =>
  `rules:\n${Array.from({ length: RULES }, (_, index) =>
    [
      `  - id: rule-${index}`,
      '    description: one of many',
      `    when: target.kind == "vm" && (action.name == "vm.start" || action.name.endsWith(".delete")) && "svc-${RULES - 1 - index}" in target.tags && (time.hour >= 6 || time.weekday == "saturday") && (change == null || change.category != "emergency")`,
      '    effect: require_approval',
      '    why: it is one of many',
    ].join('\n'),
  ).join('\n')}\n`;

/** Decisions a second with fifty rules, beside the built-in ones alone. */
export async function benchPolicy(): Promise<Figure[]> {
  const set = await readRules([{ name: 'bench.yaml', text: rulesText() }]);
  const input = benchInput();
  const clock = wallClock('Europe/Vienna');
  const { outcome, rules } = judgeBy(set, input, clock).decision;
  if (outcome !== 'require_approval' || rules.length !== 1)
    throw new Error('the bench decides otherwise than it should');
  const value = perSecond(() => judgeBy(set, input, clock));
  return [
    {
      name: `policy decisions a second with ${RULES} rules`,
      value,
      unit: '/s',
      limit: '>= 5000',
    },
    {
      name: 'policy decisions a second with the built-in rules',
      value: perSecond(() => baseline.evaluate(input)),
      unit: '/s',
    },
  ];
}

function perSecond(work: () => unknown): number {
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) work();
  return Math.round(ROUNDS / ((performance.now() - began) / 1000));
}

function benchInput(): PolicyInput {
  const target = { kind: 'vm' as const, id: '103', text: 'vm/103', vmid: 103, node: 'pve1' };
  const request: PreparedRequest = {
    id: 'a1',
    action: findAction('vm.start'),
    input: { target, params: {}, newid: 0 },
    after: [],
  };
  return {
    principal: { id: 'p', name: 'ana', class: 'human', role: 'operator', method: 'token' },
    environment: { name: 'home', production: false },
    requests: [request],
    risk: { level: 'medium', base: 'medium', why: 'it starts', raises: [] },
    at: Date.UTC(2026, 10, 20, 12),
    facts: {
      targets: { 'vm/103': { ...unknownTarget(target), name: 'web', tags: ['web', 'svc-0'], status: 'running' } },
      change: null,
      blast_radius: { guests: ['vm/103'], services: [], nodes: ['pve1'], score: 2 },
      rehearsal: { result: 'pass', steps: 1, irreversible: 0, seconds: 5 },
    },
    change_id: null,
  };
}
