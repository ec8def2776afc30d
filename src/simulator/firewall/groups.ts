import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { CLUSTER, demandDigest, fileAt, listDigest, changing, withDigest } from './level.ts';
import { groupByName } from './rules.ts';
import type { FirewallFile, SecurityGroup } from './types.ts';

const shown = (file: FirewallFile): Record<string, unknown>[] =>
  file.groups
    .toSorted((a, b) => (a.group < b.group ? -1 : 1))
    .map(({ group, comment }) => ({ group, ...(comment === undefined ? {} : { comment }) }));

/** Without `rename` a new group; with it, that group gets this name or, where the names are equal, this comment. */
function createOrRename(call: Call, file: FirewallFile): void {
  const { params } = call;
  const name = params.text('group');
  const from = params.maybe('rename');
  const has = (wanted: string): boolean => file.groups.some(({ group }) => group === wanted);
  if (from === undefined) {
    if (has(name)) throw parameterError({ group: `Security group '${name}' already exists` });
    const comment = params.maybe('comment');
    file.groups.push({ group: name, rules: [], ...(comment === undefined ? {} : { comment }) });
    return;
  }
  demandDigest(params.maybe('digest'), listDigest(shown(file)));
  if (!has(from)) throw parameterError({ group: `Security group '${from}' does not exist` });
  if (from !== name && has(name)) throw parameterError({ group: `Security group '${name}' does already exist` });
  const group = groupByName(call.world, from);
  rename(call, group, name);
  const comment = params.maybe('comment');
  if (comment !== undefined) group.comment = comment;
}

/** Every rule that uses the group, wherever it stands, follows it to its new name. */
function rename({ world }: Call, group: SecurityGroup, name: string): void {
  for (const { rules } of world.state.firewall.values())
    for (const rule of rules) if (rule.type === 'group' && rule.action === group.group) rule.action = name;
  group.group = name;
}

function remove({ world, params }: Call, file: FirewallFile): void {
  const group = groupByName(world, params.text('group'));
  if (group.rules.length > 0) throw fail(`Security group '${group.group}' is not empty`);
  file.groups.splice(file.groups.indexOf(group), 1);
}

export const groupRoutes: Routes = {
  'GET /cluster/firewall/groups': ({ world }) => withDigest(shown(fileAt(world, 'cluster'))),
  'POST /cluster/firewall/groups': changing(CLUSTER, createOrRename),
  'DELETE /cluster/firewall/groups/{group}': changing(CLUSTER, remove),
};
