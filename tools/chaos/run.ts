import { setTimeout as pause } from 'node:timers/promises';
import { verifyExport } from '../../src/record/index.ts';
import { Stage, type Json } from './processes.ts';
import { Random } from './random.ts';

export interface ChaosOptions {
  readonly seed: string;
  readonly replicas: number;
  readonly databaseUrl: string | undefined;
}

export interface Verdict {
  readonly state: string;
  readonly kills: number;
  readonly faults: number;
  /** Everything that is not as promised; empty is good. */
  readonly broken: readonly string[];
}

interface Step {
  readonly seq: number;
  readonly method: string;
  readonly path: string;
  readonly undo: { readonly kind: string; readonly method?: string; readonly path?: string };
}

/** Actions on guests that do not get into each other's way; `undoable` leaves nothing when it fails. */
const ACTIONS: readonly Json[] = [
  { action: 'vm.start', target: 'vm/301' },
  { action: 'vm.configure', target: 'vm/302', params: { memory: 4096, tags: ['chaos'] } },
  { action: 'vm.shutdown', target: 'vm/303' },
  { action: 'snapshot.create', target: 'vm/121', params: { name: 'chaos' } },
  { action: 'disk.resize', target: 'vm/112', params: { disk: 'scsi0', size: '+3G' } },
  { action: 'vm.clone', target: 'vm/9000', params: { name: 'chaos-a' } },
  { action: 'vm.create_from_template', target: 'vm/9001', params: { name: 'chaos-b', memory: 4096, wait: 120 } },
  { action: 'vm.stop', target: 'vm/211' },
  { action: 'vm.reboot', target: 'vm/105' },
  { action: 'vm.cloudinit.configure', target: 'vm/202', params: { user: 'chaos' } },
];
const ENDED = ['applied', 'failed', 'canceled', 'needs_attention'];
const PATIENCE_MS = 120_000;

/** One life: a random plan, random kills and cuts at seeded moments, then everything that was promised is checked. */
export async function chaosRun({ seed, replicas, databaseUrl }: ChaosOptions): Promise<Verdict> {
  const random = new Random(seed);
  const stage = new Stage(databaseUrl);
  try {
    await stage.startCluster(String(random.pick([5, 20, 50])));
    for (let index = 0; index < replicas; index++) await stage.startServer(index);
    const faults = await injectFaults(stage, random);
    const { plan, operation_id } = await begin(stage, random);
    const kills = await disturb(stage, random, replicas);
    for (let index = 0; index < replicas; index++) {
      if (stage.servers[index]?.child.exitCode !== null || stage.servers[index]?.child.signalCode !== null)
        await stage.startServer(index);
    }
    const operation = await ended(stage, operation_id, replicas);
    return { state: String(operation['state']), kills, faults, broken: await inspect(stage, plan, operation) };
  } finally {
    await stage.close();
  }
}

async function injectFaults(stage: Stage, random: Random): Promise<number> {
  const faults = Array.from({ length: random.below(4) }, () => ({
    match: { method: random.pick(['POST', 'PUT', 'GET']), nth: random.between(1, 6) },
    kind: random.pick(['cut-before', 'cut-after', 'delay']),
    delay_ms: random.between(50, 1_500),
  }));
  await stage.control('faults', { faults });
  return faults.length;
}

async function begin(stage: Stage, random: Random): Promise<{ plan: Json; operation_id: string }> {
  const picked = random.some(ACTIONS, random.between(1, 4));
  const actions = picked.map((action, index) => ({
    id: `a${index}`,
    environment: 'home',
    ...action,
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

async function disturb(stage: Stage, random: Random, replicas: number): Promise<number> {
  const times = random.below(5);
  for (let time = 0; time < times; time++) {
    await pause(random.between(5, 700));
    const index = random.below(replicas);
    const server = stage.servers[index];
    switch (random.pick(['kill', 'kill', 'term', 'pause'])) {
      case 'pause':
        server?.signal('SIGSTOP');
        await pause(random.between(100, replicas > 1 ? 14_000 : 1_500));
        server?.signal('SIGCONT');
        break;
      case 'term':
        await server?.kill('SIGTERM');
        await stage.startServer(index);
        break;
      default:
        await server?.kill();
        await stage.startServer(index);
    }
  }
  return times;
}

async function ended(stage: Stage, operation_id: string, replicas: number): Promise<Json> {
  let last: Json = {};
  for (let waited = 0; waited < PATIENCE_MS; waited += 200) {
    last = (await stage.ask(waited % replicas, `/v1/operations/${operation_id}`)) ?? last;
    if (ENDED.includes(String(last['state']))) return last;
    await pause(200);
  }
  return last;
}

async function inspect(stage: Stage, plan: Json, operation: Json): Promise<string[]> {
  const broken: string[] = [];
  const state = String(operation['state']);
  const trace = plan['trace'] as Step[];
  if (!ENDED.includes(state)) broken.push(`the operation is still ${state} after ${PATIENCE_MS / 1000} s`);
  if ((state === 'needs_attention' || state === 'failed') && operation['error'] === undefined)
    broken.push(`it is ${state} and does not say why`);
  broken.push(...(await callsBroken(stage, trace, state)));
  if (state === 'applied') broken.push(...(await stateBroken(stage, plan)));
  const { lines, key } = await stage.audit(0);
  const verdict = await verifyExport(lines, key);
  if (!verdict.ok) broken.push(`the audit log does not verify: ${JSON.stringify(verdict.firstBad)}`);
  return broken;
}

/** Which calls PVE got: each step once where it was applied, none twice in any case. */
async function callsBroken(stage: Stage, trace: readonly Step[], state: string): Promise<string[]> {
  const answer = (await stage.control('calls')) as { calls?: Json[] } | Json[];
  const calls = (Array.isArray(answer) ? answer : (answer.calls ?? [])).map(
    ({ method, path }) => `${String(method)} ${String(path)}`,
  );
  const undone = trace.filter(({ undo }) => undo.kind === 'call').map(({ undo }) => `${undo.method} ${undo.path}`);
  const wanted = trace.map(({ method, path }) => `${method} ${path}`);
  return [...new Set([...calls, ...wanted])].flatMap((call) => {
    const got = calls.filter((one) => one === call).length;
    const planned = wanted.filter((one) => one === call).length;
    const most = planned + undone.filter((one) => one === call).length;
    if (got > most && !call.endsWith('/cloudinit'))
      return [`${call} was sent ${got} times, the plan has it ${planned} times`];
    if (state === 'applied' && got < planned) return [`${call} is in the plan and was not sent`];
    return [];
  });
}

/** Whether the guests are as the plan predicted. */
async function stateBroken(stage: Stage, plan: Json): Promise<string[]> {
  const resources = (await stage.pve('/cluster/resources?type=vm')) as { vmid: number; node: string }[];
  const broken: string[] = [];
  for (const { object, kind, fields } of plan['diff'] as {
    object: string;
    kind: string;
    fields: { name: string; after: string | number | null }[];
  }[]) {
    const vmid = Number(/^vm\/(\d+)$/.exec(object)?.[1]);
    const node = resources.find((row) => row.vmid === vmid)?.node;
    if (Number.isNaN(vmid) || kind === 'delete' || node === undefined) continue;
    const config = (await stage.pve(`/nodes/${node}/qemu/${vmid}/config`)) as
      | Record<string, string | number>
      | undefined;
    for (const { name, after } of fields) {
      const key = /^config\.(.+)$/.exec(name)?.[1];
      if (key === undefined || after === null || String(after).includes('(generated)')) continue;
      if (String(config?.[key]) !== String(after))
        broken.push(`${object} ${name} is ${String(config?.[key])}, planned was ${String(after)}`);
    }
  }
  return broken;
}
