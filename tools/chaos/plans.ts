import type { Json, Stage } from './processes.ts';
import type { Random } from './random.ts';

/** Every action that changes something, on guests of the example lab where it has something to do. */
const REQUESTS: readonly Json[] = [
  { action: 'vm.start', target: 'vm/301' },
  { action: 'vm.configure', target: 'vm/302', params: { memory: 4096, tags: ['chaos'] } },
  { action: 'vm.configure', target: 'vm/301', params: { cores: 2 } },
  { action: 'vm.shutdown', target: 'vm/303' },
  { action: 'vm.stop', target: 'vm/211' },
  { action: 'vm.reboot', target: 'vm/105' },
  { action: 'vm.delete', target: 'vm/302', params: {} },
  { action: 'vm.clone', target: 'vm/9000', params: { name: 'chaos-a' } },
  { action: 'vm.create_from_template', target: 'vm/9001', params: { name: 'chaos-b', memory: 4096, wait: 120 } },
  { action: 'vm.create_from_template', target: 'vm/9000', params: { name: 'chaos-c', disk: { size: '20G' }, wait: 0 } },
  { action: 'vm.cloudinit.configure', target: 'vm/202', params: { user: 'chaos' } },
  { action: 'vm.bootstrap', target: 'vm/121', params: { commands: ['wait-for-cloud-init'] } },
  { action: 'snapshot.create', target: 'vm/121', params: { name: 'chaos' } },
  { action: 'snapshot.delete', target: 'vm/303', params: { name: 'before-upgrade' } },
  { action: 'snapshot.rollback', target: 'vm/303', params: { name: 'before-upgrade' } },
  { action: 'disk.resize', target: 'vm/112', params: { disk: 'scsi0', size: '+3G' } },
  { action: 'host.run', target: 'node/pve1', params: { command: 'zpool.scrub', args: { pool: 'rpool' } } },
];

/** The actions that the runs draw from, for who wants to know whether one is missing. */
export const DRAWN = [...new Set(REQUESTS.map(({ action }) => String(action)))].sort();

/** Begins a random plan of one to four requests, no two of them on one target, some after others. */
export async function beginPlan(stage: Stage, random: Random): Promise<{ plan: Json; operation_id: string }> {
  const able = REQUESTS.filter(({ action }) => action !== 'host.run' || stage.hasHost);
  const drawn = random.some(able, able.length).slice(0, random.between(1, 4));
  const picked = drawn.filter(({ target }, index) => drawn.findIndex((one) => one['target'] === target) === index);
  const actions = picked.map((request, index) => ({
    id: `a${index}`,
    environment: 'home',
    ...request,
    ...(index > 0 && random.below(2) === 0 ? { after: [`a${index - 1}`] } : {}),
  }));
  const plan = (await stage.ask(0, '/v1/plans', { actions })) ?? {};
  const plan_id = String(plan['plan_id']);
  await stage.ask(0, `/v1/plans/${plan_id}/approve`, { plan_hash: plan['plan_hash'] });
  const operation = await stage.ask(0, '/v1/actions/apply', { plan_id });
  if (operation?.['operation_id'] === undefined)
    throw new Error(`nothing was begun: ${JSON.stringify(plan)} ${JSON.stringify(operation)}`);
  return { plan, operation_id: operation['operation_id'] as string };
}
