import { isIPv4 } from 'node:net';
import { parameterError } from '../core/errors.ts';
import { isServiceProtocol } from '../schema/formats-firewall.ts';
import type { RuleEnv } from './level.ts';
import { isMacro } from './macros.ts';
import type { Alias, FirewallFile, Rule } from './types.ts';

const ALIAS = /^[A-Za-z][A-Za-z0-9\-_]+$/;
const SCOPED_ALIAS = /^(?:(dc|guest)\/)?([A-Za-z][A-Za-z0-9\-_]+)$/;
const SET = /^\+(?:(dc|guest|sdn)\/)?([A-Za-z][A-Za-z0-9\-_]+)$/;

/** The files that names in a rule may refer to: the cluster's, and that of the guest. */
export interface Scope {
  readonly cluster: FirewallFile;
  readonly own: FirewallFile;
}

/** Looks in the guest first, then in the cluster; `dc/` and `guest/` say which. */
export function findAlias({ cluster, own }: Scope, name: string): Alias | undefined {
  const [, where, plain = ''] = SCOPED_ALIAS.exec(name) ?? [];
  const by = (file: FirewallFile): Alias | undefined =>
    file.aliases.find((alias) => alias.name.toLowerCase() === plain.toLowerCase());
  return (where === 'dc' ? undefined : by(own)) ?? (where === 'guest' ? undefined : by(cluster));
}

export const ipVersion = (cidr: string): number => (isIPv4(cidr.split(/[/-]/)[0] ?? '') ? 4 : 6);

/** 4 or 6 for addresses and aliases; undefined for sets and for nothing. */
function versionOf(scope: Scope, value: string): number | undefined {
  if (value.startsWith('+')) return undefined;
  const cidr = SCOPED_ALIAS.test(value) ? findAlias(scope, value)?.cidr : value.split(',')[0];
  return cidr === undefined ? undefined : ipVersion(cidr);
}

function checkReference(scope: Scope, value: string): string | undefined {
  if (value.startsWith('+')) {
    const [, where, name] = SET.exec(value) ?? [];
    if (name === undefined) return `invalid ipset name '${value}'`;
    if (where === 'sdn') return undefined;
    const has = (file: FirewallFile): boolean => file.ipsets.some((set) => set.name === name);
    const found = (where !== 'guest' && has(scope.cluster)) || (where !== 'dc' && has(scope.own));
    return found ? undefined : `no such ipset '${name}'`;
  }
  if (!SCOPED_ALIAS.test(value)) return undefined;
  return findAlias(scope, value) === undefined ? `no such alias '${value}'` : undefined;
}

function checkAddresses(scope: Scope, rule: Rule, errors: Record<string, string>): number | undefined {
  let version: number | undefined;
  for (const name of ['source', 'dest'] as const) {
    const value = rule[name];
    if (value === undefined) continue;
    const wrong = checkReference(scope, String(value));
    if (wrong !== undefined) errors[name] ??= wrong;
    const found = versionOf(scope, String(value));
    if (found !== undefined && version !== undefined && found !== version)
      errors[name] ??= `detected mixed ipv4/ipv6 addresses in rule`;
    version ??= found;
  }
  return version;
}

const ICMP = /^(?:icmp|icmpv6|ipv6-icmp|1|58)$/;

function checkPort(name: 'dport' | 'sport', rule: Rule, errors: Record<string, string>): void {
  if (rule[name] === undefined) return;
  const proto = String(rule.proto ?? '');
  // A destination "port" of ICMP is a message type.
  const fits = isServiceProtocol(proto) || (name === 'dport' && ICMP.test(proto));
  if (proto === '') errors.proto ??= `missing property - '${name}' requires this property`;
  else if (!fits) errors[name] ??= `protocol '${proto}' does not support ports`;
}

function checkIcmpType(rule: Rule, errors: Record<string, string>): void {
  if (rule['icmp-type'] === undefined) return;
  if (!ICMP.test(String(rule.proto ?? ''))) errors.proto ??= "missing property - 'icmp-type' requires this property";
  if (rule.dport !== undefined) errors['icmp-type'] ??= "'icmp-type' cannot be specified together with 'dport'";
}

const TYPES: Readonly<Record<RuleEnv, readonly string[]>> = {
  cluster: ['in', 'out', 'forward', 'group'],
  host: ['in', 'out', 'forward', 'group'],
  vm: ['in', 'out', 'group'],
  ct: ['in', 'out', 'group'],
  group: ['in', 'out', 'forward'],
  vnet: ['forward', 'group'],
};

function checkType(env: RuleEnv, rule: Rule, errors: Record<string, string>): void {
  const type = String(rule.type);
  const action = String(rule.action);
  if (!TYPES[env].includes(type)) errors.type = `invalid rule type '${type}' for rule_env '${env}'`;
  if (type === 'group') {
    if (!ALIAS.test(action)) errors.action = 'invalid characters in security group name';
    return;
  }
  if (type === 'forward' && action === 'REJECT') errors.action = 'cannot define REJECT rules on forward chain';
  else if (!/^(?:ACCEPT|DROP|REJECT)$/.test(action)) errors.action = `unknown action '${action}'`;
}

function checkInterface(env: RuleEnv, rule: Rule, errors: Record<string, string>): void {
  if (rule.iface === undefined) return;
  if (env === 'group' || env === 'vnet') errors.type ??= 'parameter -i not allowed for this rule type';
  else if ((env === 'vm' || env === 'ct') && !/^net\d+$/.test(String(rule.iface)))
    errors.iface ??= "value does not match the regex pattern 'net\\d+'";
}

export interface Verified {
  readonly errors: Record<string, string>;
  readonly version: number | undefined;
}

/** What is wrong with a rule, by field, and the IP version that its addresses make it. */
export function verify(env: RuleEnv, scope: Scope, rule: Rule): Verified {
  const errors: Record<string, string> = {};
  checkType(env, rule, errors);
  checkInterface(env, rule, errors);
  if (rule.macro !== undefined && !isMacro(String(rule.macro))) errors.macro = `unknown macro '${String(rule.macro)}'`;
  checkPort('dport', rule, errors);
  checkIcmpType(rule, errors);
  checkPort('sport', rule, errors);
  const version = checkAddresses(scope, rule, errors);
  return { errors, version };
}

/** Refuses a rule that is wrong; only the first thing is told, unlike with parameters (FACTS 14). */
export function demandValid(env: RuleEnv, scope: Scope, rule: Rule): void {
  const [first] = Object.entries(verify(env, scope, rule).errors);
  if (first !== undefined) throw parameterError({ [first[0]]: first[1] });
}
