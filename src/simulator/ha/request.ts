import type { Call } from '../core/call.ts';

/** What a power call does for a guest under HA: a task that ends as soon as the manager has been told (FACTS 35). */
export function requestHa(call: Call, node: string, type: 'vm' | 'ct', kind: 'start' | 'stop'): string {
  const { world, params, principal, method } = call;
  const vmid = params.number('vmid');
  const sid = `${type}:${vmid}`;
  const timeout = method.path.endsWith('/shutdown') ? (params.maybeNumber('timeout') ?? 60) : 0;
  return world.startTask({ node, type: `ha${kind}`, id: vmid, user: principal.name }, function* (task) {
    task.log(`Requesting HA ${kind} for ${type.toUpperCase()} ${vmid}`);
    yield { wait: 500 };
    const resource = world.state.haResources.get(sid);
    if (kind === 'stop') world.state.ha.commands.push({ kind, sid, node: '', timeout });
    else if (resource !== undefined) resource.state = 'started';
    world.ha?.wake();
  });
}

/** The same for a migration; whether it can be done is the manager's to see. */
export function requestHaMigration(call: Call, node: string, type: 'vm' | 'ct', target: string): string {
  const { world, params, principal } = call;
  const vmid = params.number('vmid');
  return world.startTask({ node, type: 'hamigrate', id: vmid, user: principal.name }, function* (task) {
    task.log(`Requesting HA migration for ${type.toUpperCase()} ${vmid} to node ${target}`);
    yield { wait: 500 };
    world.state.ha.commands.push({ kind: 'migrate', sid: `${type}:${vmid}`, node: target, timeout: 0 });
    world.ha?.wake();
  });
}
