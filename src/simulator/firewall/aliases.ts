import type { Call, Routes } from '../core/call.ts';
import { parameterError } from '../core/errors.ts';
import { demandDigest, fileAt, LEVELS, listDigest, changing, withDigest, type Level } from './level.ts';
import type { Alias, FirewallFile } from './types.ts';
import { ipVersion } from './verify.ts';

const shownOne = (alias: Alias): Record<string, unknown> => ({ ...alias, ipversion: ipVersion(alias.cidr) });

const shown = (file: FirewallFile): Record<string, unknown>[] =>
  file.aliases.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(shownOne);

/** Names are the same whatever their case. */
const find = (file: FirewallFile, name: string): Alias | undefined =>
  file.aliases.find((alias) => alias.name.toLowerCase() === name.toLowerCase());

function fromCall({ params }: Call, name: string): Alias {
  const comment = params.maybe('comment');
  return { name, cidr: params.text('cidr'), ...(comment === undefined ? {} : { comment }) };
}

function demand(file: FirewallFile, name: string): Alias {
  const alias = find(file, name);
  if (alias === undefined) throw parameterError({ name: 'no such alias' });
  return alias;
}

function create(call: Call, file: FirewallFile): void {
  const name = call.params.text('name');
  if (find(file, name) !== undefined) throw parameterError({ name: `alias '${name}' already exists` });
  file.aliases.push(fromCall(call, name));
}

/** The whole alias is written anew: a comment that is not given goes. */
function update(call: Call, file: FirewallFile): void {
  const { params } = call;
  demandDigest(params.maybe('digest'), listDigest(shown(file)));
  const alias = demand(file, params.text('name'));
  const name = params.maybe('rename') ?? alias.name;
  const other = find(file, name);
  if (other !== undefined && other !== alias) throw parameterError({ name: `alias '${name}' already exists` });
  file.aliases[file.aliases.indexOf(alias)] = fromCall(call, name);
}

function remove({ params }: Call, file: FirewallFile): void {
  demandDigest(params.maybe('digest'), listDigest(shown(file)));
  const alias = find(file, params.text('name'));
  if (alias !== undefined) file.aliases.splice(file.aliases.indexOf(alias), 1);
}

const routesOf = (level: Level): Routes => {
  const base = `${level.base}/aliases`;
  return {
    [`GET ${base}`]: (call) => withDigest(shown(fileAt(call.world, level.key(call)))),
    [`POST ${base}`]: changing(level, create),
    [`GET ${base}/{name}`]: (call) => shownOne(demand(fileAt(call.world, level.key(call)), call.params.text('name'))),
    [`PUT ${base}/{name}`]: changing(level, update),
    [`DELETE ${base}/{name}`]: changing(level, remove),
  };
};

export const aliasRoutes: Routes = Object.assign(
  {},
  ...LEVELS.filter(({ env }) => env !== 'host' && env !== 'vnet').map(routesOf),
) as Routes;
