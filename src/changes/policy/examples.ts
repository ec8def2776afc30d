import { parseDocument } from 'yaml';
import { z } from 'zod';
import { findAction, parseTarget, type RiskLevel } from '../../actions/index.ts';
import { AgentError, toAgentError } from '../../kernel/errors.ts';
import { fieldErrors, fit } from '../../kernel/fit.ts';
import { STRICTNESS } from '../../kernel/config.ts';
import { inventoryOf } from '../../estate/index.ts';
import type { PreparedRequest } from '../../operations/index.ts';
import { OBLIGATIONS, type Decision, type Risk } from '../plan.ts';
import { CLASSES, ROLES } from '../../identity/index.ts';
import { assessRisk } from '../risk.ts';
import { judgeBy } from './evaluate.ts';
import { exampleParams } from './params.ts';
import type { RuleSet } from './rules.ts';
import { unknownTarget, wallClock } from './scope.ts';
import type { PolicyInput, TargetFacts } from './types.ts';

const target = z.strictObject({
  vmid: z.int().min(100).max(999_999_999).optional().describe('100 when left out.'),
  name: z.string().optional().describe('Of a guest, a node or a storage.'),
  node: z.string().optional(),
  tags: z.array(z.string()).optional(),
  pool: z.string().optional(),
  tier: z.int().min(0).max(3).optional().describe('By its tags when left out.'),
  protection: z.boolean().optional(),
  template: z.boolean().optional(),
  status: z.string().optional(),
  last_backup_age_hours: z.number().min(0).nullable().optional(),
});
const one = {
  action: z.string().describe('Name of the action.'),
  target: target.default({}),
  params: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Parameters of the action; what is left out is not given.'),
};
const input = z.strictObject({
  principal: z
    .strictObject({
      name: z.string().default('somebody'),
      class: z.enum(CLASSES).default('human'),
      role: z.enum(ROLES).default('operator'),
      method: z.string().default('token'),
    })
    .prefault({}),
  environment: z
    .strictObject({
      name: z.string().default('home'),
      production: z.boolean().default(false),
      strictness: z.enum(STRICTNESS).default('standard'),
    })
    .prefault({}),
  action: one.action.optional(),
  target: one.target,
  params: one.params,
  actions: z
    .array(z.strictObject({ id: z.string(), ...one, after: z.array(z.string()).default([]) }))
    .min(1)
    .optional()
    .describe('Several actions in one plan, instead of `action` and `target`.'),
  time: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d(T\d\d:\d\d)?$/, 'must be such as 2026-11-21T03:00, in the time zone of the lab')
    .default('2026-01-07T12:00')
    .describe('On the wall of the lab.'),
  risk: z.enum(['low', 'medium', 'high']).optional().describe('As the actions and targets make it when left out.'),
  change: z
    .strictObject({
      id: z.string().default('CC-001'),
      category: z.string().default('normal'),
      status: z.string().default('approved'),
      risk: z.string().default('medium'),
    })
    .optional(),
  blast_radius: z
    .strictObject({
      guests: z.array(z.string()).default([]),
      services: z.array(z.string()).default([]),
      nodes: z.array(z.string()).default([]),
      score: z.int().min(0).max(100).default(0),
    })
    .prefault({}),
  rehearsal: z
    .strictObject({
      result: z.enum(['pass', 'warn', 'fail']).default('pass'),
      steps: z.int().min(0).default(1),
      irreversible: z.int().min(0).default(0),
      seconds: z.int().min(0).default(0),
    })
    .prefault({}),
});

/** What a person expects of the policy for one case; what is left out of the input is ordinary. */
export const exampleSchema = z.strictObject({
  name: z.string().min(1),
  input,
  expect: z.strictObject({
    outcome: z.enum(['allow', 'require_approval', 'deny']),
    approvals: z.int().min(0).optional(),
    obligations: z.array(z.enum(OBLIGATIONS)).optional().describe('All of them, in any order.'),
    rules: z.array(z.string()).optional().describe('Ids of all rules that decide, in any order.'),
  }),
});
export const examplesSchema = z.strictObject({ tests: z.array(exampleSchema).min(1).max(1000) });
export type Example = z.output<typeof exampleSchema>;

export interface ExampleResult {
  readonly name: string;
  readonly passed: boolean;
  /** What is otherwise than expected, in words. */
  readonly differences: readonly string[];
  readonly outcome: Decision['outcome'];
  readonly approvals: number;
  readonly obligations: readonly string[];
  readonly rules: Decision['rules'];
}

/** A file of examples, YAML. Errors: `VALIDATION_FAILED` naming what is wrong. */
export function readExamples(name: string, text: string): readonly Example[] {
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new AgentError('VALIDATION_FAILED', `${name}: ${broken.message.split('\n')[0] ?? 'is not YAML'}`);
  const parsed = fit(examplesSchema, document.toJS());
  if (parsed.success) return parsed.data.tests;
  const errors = fieldErrors(parsed.misfits);
  const words = Object.entries(errors).map(([field, what]) => `${field}: ${what}`);
  throw new AgentError('VALIDATION_FAILED', `${name}: ${words.join('; ')}`, { errors });
}

/** Asks the rules about each example. One that names an unknown action fails and says so. */
export const runExamples = (rules: RuleSet, examples: readonly Example[], zone = 'UTC'): ExampleResult[] =>
  examples.map((example) => runOne(rules, example, zone));

function runOne(rules: RuleSet, example: Example, zone: string): ExampleResult {
  const { name, expect } = example;
  try {
    const { decision } = judgeBy(rules, inputOf(example), () => wallTime(example.input.time, zone));
    const { outcome, approvals_required: approvals } = decision;
    const obligations = decision.obligations.map(({ obligation }) => obligation);
    const differences = [
      ...difference('outcome', expect.outcome, outcome),
      ...difference('approvals', expect.approvals, approvals),
      ...difference('obligations', listed(expect.obligations), listed(obligations)),
      ...difference('rules', listed(expect.rules), listed(decision.rules.map(({ id }) => id))),
    ];
    return {
      name,
      passed: differences.length === 0,
      differences,
      outcome,
      approvals,
      obligations,
      rules: decision.rules,
    };
  } catch (error) {
    const differences = [toAgentError(error).message];
    return { name, passed: false, differences, outcome: 'deny', approvals: 0, obligations: [], rules: [] };
  }
}

const listed = (names: readonly string[] | undefined): string | undefined =>
  names === undefined ? undefined : [...names].sort().join(', ') || 'none';
const difference = (what: string, wanted: string | number | undefined, got: string | number | undefined): string[] =>
  wanted === undefined || wanted === got ? [] : [`${what}: expected ${wanted}, got ${got}`];

/** The wall clock is what the example says, so no time zone has to be worked out. */
function wallTime(text: string, zone: string) {
  const [date = '', time = '00:00'] = text.split('T');
  return { ...wallClock('UTC')(Date.parse(`${date}T${time}:00Z`)), zone };
}

function inputOf({ input }: Example): PolicyInput {
  const given = input.actions ?? [
    { id: 'a1', action: input.action ?? '', target: input.target, params: input.params, after: [] },
  ];
  if (input.actions === undefined && input.action === undefined)
    throw new AgentError('VALIDATION_FAILED', 'The example names no action.');
  const targets: Record<string, TargetFacts> = {};
  const params: Record<string, Readonly<Record<string, unknown>>> = {};
  const requests = given.map(({ id, action: name, target: facts, params: said, after }): PreparedRequest => {
    const action = findAction(name);
    const located = locatedTarget(action.target, facts);
    targets[located.text] = targetFacts(located, facts);
    params[id] = exampleParams(action, said);
    return { id, action, input: { target: located, params: {}, newid: 0 }, after };
  });
  const { principal, environment, blast_radius, rehearsal, change } = input;
  return {
    principal,
    environment,
    requests,
    risk: riskOf(requests, targets, environment.production, input.risk),
    at: 0,
    facts: { targets, params, change: change ?? null, blast_radius, rehearsal },
    change_id: change?.id ?? null,
  };
}

type Given = z.output<typeof target>;

function locatedTarget(kind: PreparedRequest['action']['target'], { vmid = 100, name, node = 'pve1' }: Given) {
  const guest = kind === 'vm' || kind === 'ct';
  const text = guest
    ? `${kind}/${vmid}`
    : kind === 'cluster'
      ? kind
      : `${kind}/${name ?? (kind === 'node' ? node : 'local')}`;
  return { ...parseTarget(text), node: guest || kind === 'node' ? node : '' };
}

function targetFacts(located: PreparedRequest['input']['target'], given: Given): TargetFacts {
  const tags = given.tags ?? [];
  const tier = Number(tags.map((tag) => /^tier-?([1-3])$/.exec(tag)?.[1]).find((found) => found !== undefined) ?? 0);
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...unknownTarget(located), status: 'running', tier, ...known };
}

/** As a plan's own risk is made, from the same facts. */
function riskOf(
  requests: readonly PreparedRequest[],
  targets: Readonly<Record<string, TargetFacts>>,
  production: boolean,
  wished: RiskLevel | undefined,
): Risk {
  const facts = Object.values(targets);
  const rows = facts
    .filter(({ kind }) => kind === 'vm' || kind === 'ct')
    .map(({ kind, vmid, node, tags, tier, template }) => ({
      type: kind === 'vm' ? 'qemu' : 'lxc',
      vmid,
      node,
      tags: [...tags, ...(tier === 1 ? ['tier-1'] : [])].join(';'),
      template: template ? 1 : 0,
    }));
  const capture = Object.fromEntries(
    facts.map(({ vmid, node, protection }) => [
      `GET /nodes/${node}/qemu/${vmid}/config`,
      { protection: protection ? 1 : 0 },
    ]),
  );
  const risk = assessRisk(requests, { production, inventory: inventoryOf(rows), capture });
  return wished === undefined ? risk : { ...risk, level: wished };
}
