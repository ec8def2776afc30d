import { textOf } from '../core/text.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { splitList } from '../schema/formats.ts';
import { sha1 } from '../state/guests.ts';

type Rule = Record<string, unknown>;

const digestOf = ({ state }: World): string => sha1(JSON.stringify([...state.ha.rules]));

const sorted = (text: string): string => splitList(text).toSorted().join(',');

/** Two resources and more must be able to follow a rule at once; what cannot be is told by field. */
function conflicts({ state }: World, name: string, rule: Rule): Record<string, string> {
  const resources = splitList(String(rule.resources));
  const others = [...state.ha.rules].filter(([other, { type }]) => other !== name && type === rule.type);
  const shared = (other: Rule): string[] => splitList(String(other.resources)).filter((sid) => resources.includes(sid));
  if (rule.type === 'node-affinity') {
    const twice = others.flatMap(([, other]) => shared(other))[0];
    return twice === undefined
      ? {}
      : { resources: `resource '${twice}' is already used in another node affinity rule` };
  }
  if (resources.length < 2) return { resources: 'rule is ineffective as there are less than two resources' };
  if (rule.affinity === 'negative' && resources.length > Object.keys(state.nodes).length)
    return { resources: 'rule defines more resources than available nodes' };
  const opposite = others.find(([, other]) => other.affinity !== rule.affinity && shared(other).length > 1);
  return opposite === undefined
    ? {}
    : { resources: `rule shares two or more resources with a ${String(opposite[1].affinity)} resource affinity rule` };
}

/** PVE checks inside the lock, where field errors become part of the text (FACTS 7). */
function demandFeasible(world: World, name: string, rule: Rule, words: string): void {
  const missing = splitList(String(rule.resources)).filter((sid) => !world.state.haResources.has(sid));
  if (missing.length > 0) throw fail(`${words}: cannot use unmanaged resource(s) ${missing.toSorted().join(', ')}.`);
  const nodes = splitList(textOf(rule.nodes ?? '')).map((node) => node.split(':')[0] ?? '');
  const unknown = nodes.filter((node) => world.state.nodes[node] === undefined);
  if (unknown.length > 0) throw fail(`${words}: cannot use non-existant node(s) ${unknown.toSorted().join(', ')}.`);
  const errors = Object.entries(conflicts(world, name, rule));
  if (errors.length === 0) return;
  throw fail(`${words}: 400 Rule '${name}' is invalid.\n${errors.map(([key, text]) => `${key}: ${text}`).join('\n')}`);
}

function setFields({ params }: Call, rule: Rule): void {
  for (const [key, value] of params.without('rule', 'type', 'delete', 'digest'))
    rule[key] = key === 'resources' || key === 'nodes' ? sorted(String(value)) : value;
  if (rule.type === 'node-affinity') rule.strict ??= 0;
}

function shown(world: World, name: string, rule: Rule): Rule {
  const order = [...world.state.ha.rules.keys()].indexOf(name) + 1;
  return { ...rule, rule: name, order, digest: digestOf(world) };
}

function create(call: Call): null {
  const { world, params } = call;
  const name = params.text('rule');
  const words = 'create ha rule failed';
  if (world.state.ha.rules.has(name)) throw fail(`${words}: HA rule '${name}' already defined`);
  const rule: Rule = { type: params.text('type') };
  setFields(call, rule);
  demandFeasible(world, name, rule, words);
  world.state.ha.rules.set(name, rule);
  world.ha?.wake();
  return null;
}

function update(call: Call): null {
  const { world, params } = call;
  const name = params.text('rule');
  const words = 'update HA rules failed';
  const digest = params.maybe('digest');
  if (digest !== undefined && digest !== digestOf(world))
    throw fail(`${words}: detected modified configuration - file changed by other user? Try again.`);
  const before = world.state.ha.rules.get(name);
  if (before === undefined) throw fail(`${words}: HA rule '${name}' does not exist`);
  if (params.text('type') !== before.type) throw fail(`${words}: '${name}' is a rule of another type`);
  const rule = { ...before };
  setFields(call, rule);
  for (const key of splitList(params.maybe('delete') ?? '')) delete rule[key];
  demandFeasible(world, name, rule, words);
  world.state.ha.rules.set(name, rule);
  world.ha?.wake();
  return null;
}

function list({ world, params }: Call): unknown[] {
  const type = params.maybe('type');
  const resource = params.maybe('resource');
  return [...world.state.ha.rules]
    .filter(([, rule]) => type === undefined || rule.type === type)
    .filter(([, rule]) => resource === undefined || splitList(String(rule.resources)).includes(resource))
    .map(([name, rule]) => shown(world, name, rule));
}

export const haRuleRoutes: Routes = {
  'GET /cluster/ha/rules': list,
  'POST /cluster/ha/rules': create,
  'GET /cluster/ha/rules/{rule}': ({ world, params }) => {
    const name = params.text('rule');
    const rule = world.state.ha.rules.get(name);
    if (rule === undefined) throw fail(`no such ha rule '${name}'`);
    return shown(world, name, rule);
  },
  'PUT /cluster/ha/rules/{rule}': update,
  // A rule that is not there is deleted as well (FACTS 19).
  'DELETE /cluster/ha/rules/{rule}': ({ world, params }) => {
    world.state.ha.rules.delete(params.text('rule'));
    return null;
  },
};
