import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  BASELINE_RULES,
  examplesSchema,
  explainPlan,
  mayKnow,
  reloadPolicy,
  runExamples,
} from '../../../changes/index.ts';
import { actorOf, mayUse, requireEverywhere, requirePerson, type Principal } from '../../../identity/index.ts';
import { listPolicyVersions } from '../../../store/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { answers, planId } from './schemas.ts';

const VERSIONS = 20;
const policyDocument = z.looseObject({ hash: z.string(), rules: z.array(z.unknown()) });

export async function policyRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  server.get(
    '/v1/policy',
    {
      config: { rule: allow('viewer', 'none') },
      schema: { summary: 'The rules in force', response: answers({ 200: policyDocument }) },
    },
    async (request) => ({
      ...view(deps, caller(request)),
      environments: deps.estate
        .list()
        .filter(({ name }) => mayUse(caller(request), name))
        .map(({ name, production, strictness = 'standard' }) => ({ name, production, strictness })),
      versions: (await listPolicyVersions(deps.store, VERSIONS)).map(({ version, hash, at, actor }) => ({
        version,
        hash,
        at: new Date(at).toISOString(),
        by: actor,
      })),
    }),
  );
  server.post(
    '/v1/policy/test',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Ask the rules in force about examples',
        body: examplesSchema,
        response: answers({ 200: z.looseObject({ passed: z.int(), failed: z.int(), results: z.array(z.unknown()) }) }),
      },
    },
    (request) => {
      const { tests } = request.body as z.output<typeof examplesSchema>;
      const results = runExamples(deps.policy.current, tests, deps.policy.zone);
      const passed = results.filter((one) => one.passed).length;
      return { passed, failed: results.length - passed, results };
    },
  );
  server.post(
    '/v1/policy/reload',
    {
      config: { rule: allow('admin', 'everywhere', 'people') },
      schema: { summary: 'Read the rules again', response: answers({ 200: policyDocument }) },
    },
    async (request) => {
      const principal = caller(request);
      requireEverywhere(principal, 'admin');
      requirePerson(principal, 'change the policy');
      const changed = await reloadPolicy(deps.policy, deps, actorOf(principal));
      return { ...view(deps, principal), changed };
    },
  );
  server.get(
    '/v1/plans/:plan_id/explain',
    {
      config: { rule: allow('viewer', 'plan') },
      schema: {
        summary: 'Why a plan was decided as it was',
        params: planId,
        response: answers({ 200: z.looseObject({ plan_id: z.string(), rules: z.array(z.unknown()) }) }),
      },
    },
    (request) =>
      explainPlan(deps.changes, deps.policy, (request.params as z.output<typeof planId>).plan_id, caller(request)),
  );
}

function view({ policy }: HttpDeps, principal: Principal) {
  const { hash, rules } = policy.current;
  return {
    hash,
    time_zone: policy.zone,
    rules: rules
      .filter((rule) => mayKnow(rule, principal))
      .map(({ expression, ...rule }) => ({ ...rule, reads: expression.reads })),
    baseline: Object.entries(BASELINE_RULES).map(([id, why]) => ({ id, why })),
  };
}
