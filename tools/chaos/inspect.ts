import { verifyExport } from '../../src/record/index.ts';
import type { Json, Stage } from './processes.ts';

export const ENDED = ['applied', 'failed', 'canceled', 'needs_attention'];

interface Step {
  readonly seq: number;
  readonly method: string;
  readonly path: string;
  readonly undo: { readonly kind: string; readonly method?: string; readonly path?: string };
}

/** What the guests were before: by VMID, their settings without what changes by itself. */
export type Guests = ReadonlyMap<number, string>;

export interface Inspected {
  readonly plan: Json;
  readonly operation: Json;
  readonly before: Guests;
  /** A guest whose node died is stopped, so that nothing has to be sent to stop it. */
  readonly nodeDied: boolean;
}

/** Everything that is not as promised, in words; empty is good. */
export async function inspect(stage: Stage, { plan, operation, before, nodeDied }: Inspected): Promise<string[]> {
  const broken: string[] = [];
  const state = String(operation['state']);
  const trace = plan['trace'] as Step[];
  if (!ENDED.includes(state))
    broken.push(`the operation is still ${state}: ${JSON.stringify(operation['waiting_for'])}`);
  if ((state === 'needs_attention' || state === 'failed') && operation['error'] === undefined)
    broken.push(`it is ${state} and does not say why`);
  broken.push(...(await callsBroken(stage, trace, state === 'applied' && !nodeDied)));
  if (state === 'applied') broken.push(...(await stateBroken(stage, plan)));
  if (state === 'failed' || state === 'canceled') broken.push(...(await undoneBroken(stage, operation, before)));
  const { lines, key } = await stage.audit(0);
  const verdict = await verifyExport(lines, key);
  if (!verdict.ok) broken.push(`the audit log does not verify: ${JSON.stringify(verdict.firstBad)}`);
  return broken;
}

/** Settings of every guest. A digest and a lock are of the moment; what PVE makes new is compared by the diff. */
export async function guestsOf(stage: Stage): Promise<Guests> {
  const resources = (await stage.pve('/cluster/resources?type=vm')) as { vmid: number; node: string; type: string }[];
  const read = async ({ vmid, node, type }: (typeof resources)[number]): Promise<[number, string]> => {
    const config = (await stage.pve(`/nodes/${node}/${type}/${vmid}/config`)) as Json | undefined;
    const { digest: _digest, lock: _lock, ...settings } = config ?? {};
    return [vmid, JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)))];
  };
  return new Map(await Promise.all(resources.map(read)));
}

/** Which calls PVE and the host got: each step once where it was applied, none twice in any case. */
async function callsBroken(stage: Stage, trace: readonly Step[], whole: boolean): Promise<string[]> {
  const { calls: got } = (await stage.control('calls')) as { calls: Json[] };
  // What PVE carried out: a call that found its node dead (595) is sent again when it is back.
  const done = got.filter(({ status }) => status === 200);
  const calls = done.map(({ method, path }) => `${String(method)} ${String(path)}`);
  calls.push(...stage.ranOnHost().map(() => 'POST /ssh/pve1/run'));
  const undone = trace.filter(({ undo }) => undo.kind === 'call').map(({ undo }) => `${undo.method} ${undo.path}`);
  const wanted = trace.map(({ method, path }) => `${method} ${path}`);
  return [...new Set([...calls, ...wanted])].flatMap((call) => {
    const times = calls.filter((one) => one === call).length;
    const planned = wanted.filter((one) => one === call).length;
    const most = planned + undone.filter((one) => one === call).length;
    // These two are made so that a second one does nothing: an image of the same settings, a command under its marker.
    if (times > most && !/\/cloudinit$|\/agent\/exec$/.test(call))
      return [`${call} was sent ${times} times, the plan has it ${planned} times`];
    if (whole && times < planned) return [`${call} is in the plan and was not sent`];
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
    if (Number.isNaN(vmid)) continue;
    if ((kind === 'delete') !== (node === undefined))
      broken.push(`${object} is ${node === undefined ? 'gone' : 'there'}, planned was ${kind}`);
    if (kind === 'delete' || node === undefined) continue;
    const config = (await stage.pve(`/nodes/${node}/qemu/${vmid}/config`)) as Json | undefined;
    for (const { name, after } of fields) {
      const key = /^config\.(.+)$/.exec(name)?.[1];
      if (key === undefined || after === null || String(after).includes('(generated)')) continue;
      if (String(config?.[key]) !== String(after))
        broken.push(`${object} ${name} is ${String(config?.[key])}, planned was ${String(after)}`);
    }
  }
  return broken;
}

/** An operation that failed and says of nothing that it was left has left nothing. */
async function undoneBroken(stage: Stage, operation: Json, before: Guests): Promise<string[]> {
  const entries = (operation['compensation'] ?? []) as { state: string }[];
  if (entries.some(({ state }) => state === 'left' || state === 'failed')) return [];
  // Verification that failed undoes nothing, and says so by having no compensation at all.
  if ((operation['error'] as { code?: string } | undefined)?.code === 'VERIFICATION_FAILED') return [];
  const after = await guestsOf(stage);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((vmid) => before.get(vmid) !== after.get(vmid))
    .map((vmid) => `vm/${vmid} is not as it was, and the operation says of nothing that it was left`);
}
