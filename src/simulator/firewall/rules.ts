import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { splitList } from '../schema/formats.ts';
import { demandDigest, fileAt, LEVELS, listDigest, withDigest, type Level, type RuleEnv } from './level.ts';
import type { FirewallFile, Rule, SecurityGroup } from './types.ts';
import { demandValid, verify, type Scope } from './verify.ts';

const FIELDS = [
  'type', 'action', 'macro', 'iface', 'source', 'dest', 'proto', 'dport', 'sport', 'log', 'icmp-type', 'comment',
  'enable',
] as const; // prettier-ignore
const REQUIRED = new Set(['type', 'action']);

/** A list of rules: of a level, or of a security group. */
interface RuleList {
  readonly env: RuleEnv;
  readonly scope: Scope;
  readonly rules: Rule[];
}

const scopeOf = (world: World, file: FirewallFile): Scope => ({ cluster: fileAt(world, 'cluster'), own: file });

/** As the API lists them: with place, IP version, and what has become wrong since they were written. */
export function shownRules({ env, scope, rules }: RuleList): Record<string, unknown>[] {
  return rules.map((rule, pos) => {
    const { errors, version } = verify(env, scope, rule);
    return {
      ...rule,
      pos,
      ...(version === undefined ? {} : { ipversion: version }),
      ...(Object.keys(errors).length > 0 ? { errors } : {}),
    };
  });
}

function ruleAt({ rules }: RuleList, pos: number): Rule {
  const rule = rules[pos];
  if (rule === undefined) throw fail(`no rule at position ${pos}`);
  return rule;
}

function setFields(rule: Rule, { params }: Call): void {
  for (const name of FIELDS) {
    const value = params.raw(name);
    if (value === undefined || typeof value === 'object') continue;
    if (value === '' || value === '-') delete rule[name];
    else rule[name] = value;
  }
}

/** The newest rule is the first; a `pos` that is asked for is not looked at (FACTS 37). */
function create(call: Call, list: RuleList): void {
  demandDigest(call.params.maybe('digest'), listDigest(shownRules(list)));
  const rule: Rule = {};
  setFields(rule, call);
  demandValid(list.env, list.scope, rule);
  rule.enable ??= 0;
  list.rules.unshift(rule);
}

/** With `moveto` nothing but the place changes: in front of the rule that is there now. */
function update(call: Call, list: RuleList): void {
  const { params } = call;
  demandDigest(params.maybe('digest'), listDigest(shownRules(list)));
  const pos = params.number('pos');
  const rule = ruleAt(list, pos);
  const to = params.maybeNumber('moveto');
  if (to !== undefined) {
    if (to === pos) return;
    const before = list.rules[to];
    list.rules.splice(pos, 1);
    list.rules.splice(before === undefined ? list.rules.length : list.rules.indexOf(before), 0, rule);
    return;
  }
  const changed = { ...rule };
  setFields(changed, call);
  for (const name of splitList(params.maybe('delete') ?? '')) {
    if (!(FIELDS as readonly string[]).includes(name)) throw parameterError({ delete: `no such property ('${name}')` });
    if (REQUIRED.has(name)) throw parameterError({ delete: `unable to delete required property '${name}'` });
    delete changed[name];
  }
  demandValid(list.env, list.scope, changed);
  list.rules[pos] = changed;
}

function remove(call: Call, list: RuleList): void {
  demandDigest(call.params.maybe('digest'), listDigest(shownRules(list)));
  const pos = call.params.number('pos');
  ruleAt(list, pos);
  list.rules.splice(pos, 1);
}

/** One rule; its place comes back as the text it was asked with (FACTS 15). */
function one(call: Call, list: RuleList): unknown {
  const pos = call.params.number('pos');
  ruleAt(list, pos);
  return { ...withDigest(shownRules(list))[pos], pos: String(pos) };
}

function routesOf(base: string, listOf: (call: Call) => RuleList): Routes {
  const changing = (run: (call: Call, list: RuleList) => void) => (call: Call) => {
    run(call, listOf(call));
    return null;
  };
  return {
    [`GET ${base}`]: (call) => withDigest(shownRules(listOf(call))),
    [`POST ${base}`]: changing(create),
    [`GET ${base}/{pos}`]: (call) => one(call, listOf(call)),
    [`PUT ${base}/{pos}`]: changing(update),
    [`DELETE ${base}/{pos}`]: changing(remove),
  };
}

const levelList =
  (level: Level) =>
  (call: Call): RuleList => {
    const file = fileAt(call.world, level.key(call));
    return { env: level.env, scope: scopeOf(call.world, file), rules: file.rules };
  };

export function groupByName(world: World, name: string): SecurityGroup {
  const found = fileAt(world, 'cluster').groups.find(({ group }) => group === name);
  if (found === undefined) throw fail(`no such security group '${name}'`);
  return found;
}

const groupList = ({ world, params }: Call): RuleList => ({
  env: 'group',
  scope: scopeOf(world, fileAt(world, 'cluster')),
  rules: groupByName(world, params.text('group')).rules,
});

export const ruleRoutes: Routes = Object.assign(
  routesOf('/cluster/firewall/groups/{group}', groupList),
  ...LEVELS.map((level) => routesOf(`${level.base}/rules`, levelList(level))),
) as Routes;
