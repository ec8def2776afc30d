/**
 * `tools/pve-compare.ts --live URL --token USER@REALM!ID=SECRET --i-own-this-cluster SCENARIO.json…`
 *
 * Runs recorded scenarios against a real Proxmox VE and against the simulator, seeded from that very cluster, side by
 * side, and prints where the answers differ. It changes the cluster, so it refuses to run without
 * `--i-own-this-cluster`; it works only on VMIDs that were free when it began (`--vmids FROM-TO`, default 990000 to
 * 990099), and removes every guest that it made, also when it is interrupted.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connect, type Environment } from '../src/estate/index.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { systemIds } from '../src/kernel/ids.ts';
import { silentLogger } from '../src/kernel/log.ts';
import { Secret } from '../src/kernel/secret.ts';
import { list, pveWords, record, type HttpMethod, type PveApi, type PveParams } from '../src/proxmox/index.ts';
import { Simulator } from '../src/simulator/index.ts';
import { differences, type Answer } from './compare/answers.ts';
import { captureLive } from './compare/capture.ts';
import { usable, type Step } from './compare/scenario.ts';

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    live: text,
    token: text,
    fingerprint: text,
    node: text,
    storage: { type: 'string', multiple: true, default: [] },
    vmids: { ...text, default: '990000-990099' },
    'i-own-this-cluster': { type: 'boolean', default: false },
  },
});

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

const { live, token = '', fingerprint } = values;
if (!values['i-own-this-cluster'])
  fail('This changes the cluster that it is pointed at. Say that it is yours with --i-own-this-cluster.');
const [, id, secret] = /^([^=]+)=(.+)$/.exec(token) ?? [];
if (live === undefined || id === undefined || secret === undefined || positionals.length === 0)
  fail('usage: pve-compare --live URL --token USER@REALM!ID=SECRET --i-own-this-cluster SCENARIO.json…');
const [from = 0, to = 0] = values.vmids.split('-').map(Number);

const storages = Object.fromEntries(values.storage.map((pair) => pair.split('=') as [string, string]));
const place = { from, to, node: values.node, storages };

const environment: Environment = connect(
  {
    name: 'live',
    endpoints: [live],
    auth: { token: { id, secret: new Secret(secret) } },
    tls: fingerprint === undefined ? {} : { fingerprint },
    production: false,
  },
  { clock: systemClock, log: silentLogger },
);
const { api } = environment;

/** Guests in our range that are there now; ours alone, because the range was empty when we began. */
async function ours(): Promise<{ node: string; vmid: number }[]> {
  const rows = list(await api.get('/cluster/resources', { type: 'vm' })).map((row) => record(row));
  return rows
    .map((row) => ({ node: String(row['node']), vmid: Number(row['vmid']) }))
    .filter(({ vmid }) => vmid >= from && vmid <= to);
}

async function cleanUp(): Promise<void> {
  for (const { node, vmid } of await ours()) {
    const stop = await api.call({ method: 'POST', path: `/nodes/${node}/qemu/${vmid}/status/stop` });
    await api.waitTask(String(stop.data));
    const remove = await api.call({
      method: 'DELETE',
      path: `/nodes/${node}/qemu/${vmid}`,
      params: { purge: 1, 'destroy-unreferenced-disks': 1 },
    });
    await api.waitTask(String(remove.data));
  }
}

async function onLive(step: Step): Promise<Answer> {
  return answerOf(api, step.method, step.path, step.params);
}

async function answerOf(client: PveApi, method: HttpMethod, path: string, params: PveParams): Promise<Answer> {
  try {
    const { data } = await client.call({ method, path, params });
    if (typeof data !== 'string' || !data.startsWith('UPID:')) return { status: 200, data };
    return { status: 200, data, task: (await client.waitTask(data)).exitstatus };
  } catch (error) {
    const words = pveWords(error);
    if (words === undefined) throw error;
    return {
      status: words.status,
      message: words.message,
      ...(words.errors === undefined ? {} : { errors: words.errors }),
    };
  }
}

function onSimulator(simulator: Simulator, { method, path, params }: Step): Answer {
  const { status, body } = simulator.handle({
    method,
    path,
    params: params as Record<string, string>,
    principal: id ?? '',
  });
  simulator.settle();
  const { data, message, errors } = record(body) as { data?: unknown; message?: string; errors?: unknown };
  if (status !== 200)
    return {
      status,
      message: (message ?? '').trim(),
      ...(errors === undefined ? {} : { errors: record(errors) as Record<string, string> }),
    };
  if (typeof data !== 'string' || !data.startsWith('UPID:')) return { status, data };
  const [, node = ''] = data.split(':');
  const task = simulator.handle({
    method: 'GET',
    path: `/nodes/${node}/tasks/${encodeURIComponent(data)}/status`,
    params: {},
    principal: id ?? '',
  });
  return { status, data, task: String(record(record(task.body)['data'])['exitstatus']) };
}

if ((await ours()).length > 0) fail(`There are guests in the range ${values.vmids}; name an empty range with --vmids.`);
process.once('SIGINT', () => void cleanUp().finally(() => process.exit(130)));
let compared = 0;
let differing = 0;
try {
  for (const file of positionals) {
    const simulator = Simulator.fromCapture(await captureLive(api), {
      ids: systemIds(systemClock),
      now: systemClock.now(),
    });
    for (const step of usable(JSON.parse(readFileSync(file, 'utf8')), place)) {
      const found = differences(await onLive(step), onSimulator(simulator, step));
      compared++;
      if (found.length > 0) differing++;
      console.log(
        `${found.length === 0 ? 'same' : 'DIFF'}  ${step.method} ${step.path}  ${step.name}${found.map((line) => `\n        ${line}`).join('')}`,
      );
    }
    await cleanUp();
  }
} finally {
  await cleanUp();
  await environment.close();
}
console.log(`${compared} steps compared, ${differing} differ`);
process.exitCode = differing === 0 ? 0 : 1;
