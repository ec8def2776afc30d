import { textOf } from '../core/text.ts';
import { may } from '../access/check.ts';
import { Beside, type Call, type Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { nextTime, parseCalendar } from '../backup/calendar.ts';
import { splitList } from '../schema/formats.ts';
import { sha1 } from '../state/guests.ts';

type Job = Record<string, unknown>;

const guestOf = (id: string): number => Number(id.split('-')[0]);
const DEFAULT_SCHEDULE = '*/15';

function jobOf({ world, params }: Call): Job {
  const id = params.text('id');
  const job = world.state.replication.get(id);
  if (job === undefined) throw fail(`no such replication job '${id}'`);
  return job;
}

const digestOf = ({ world }: Call): string => sha1(JSON.stringify([...world.state.replication]));

const shown = (call: Call, id: string, job: Job): Job => ({
  ...job,
  id,
  guest: guestOf(id),
  jobnum: Number(id.split('-')[1]),
  digest: digestOf(call),
});

function create(call: Call): null {
  const { world, params } = call;
  const { replication, guests, nodes } = world.state;
  const id = params.text('id');
  const target = params.text('target');
  const guest = guests.get(guestOf(id));
  if (replication.has(id)) throw fail(`replication job '${id}' already exists`);
  if (guest === undefined) throw fail(`guest '${guestOf(id)}' does not exist`);
  if (nodes[target] === undefined) throw fail(`no such cluster node '${target}'`);
  if (guest.node === target) throw parameterError({ target: 'source and target cannot be the same node' });
  const twice = [...replication].some(([other, job]) => guestOf(other) === guestOf(id) && job.target === target);
  if (twice) throw fail(`replication job for guest '${guestOf(id)}' to target '${target}' already exists`);
  replication.set(id, { source: guest.node, ...Object.fromEntries(params.without('id')) });
  return null;
}

function update(call: Call): null {
  const { params } = call;
  const job = jobOf(call);
  const digest = params.maybe('digest');
  if (digest !== undefined && digest !== digestOf(call))
    throw fail('detected modified configuration - file changed by other user? Try again.');
  for (const key of splitList(params.maybe('delete') ?? '')) delete job[key];
  for (const [key, value] of params.without('id', 'digest', 'delete')) job[key] = value;
  return null;
}

/** Without `force` the job is only marked; the next run of it removes what it has made, and then it. */
function remove(call: Call): null {
  const { world, params } = call;
  const job = jobOf(call);
  const id = params.text('id');
  if (params.flag('force')) world.state.replication.delete(id);
  else {
    job.remove_job = params.flag('keep') ? 'local' : 'full';
    world.timeline.after(60_000, () => world.state.replication.delete(id));
  }
  return null;
}

function status(call: Call, id: string, job: Job): Job {
  const event = parseCalendar(textOf(job.schedule ?? DEFAULT_SCHEDULE));
  return {
    ...shown(call, id, job),
    vmtype: call.world.state.guests.get(guestOf(id))?.type ?? 'qemu',
    fail_count: 0,
    last_sync: Number(job.last_sync ?? 0),
    last_try: Number(job.last_sync ?? 0),
    next_sync: event === undefined ? 0 : (nextTime(event, call.world.now()) ?? 0),
    duration: 0,
  };
}

const visible = (call: Call, id: string): boolean => may(call, `/vms/${guestOf(id)}`, ['VM.Audit']);

function run(call: Call): string {
  const { world, node, params, principal } = call;
  const job = jobOf(call);
  const id = params.text('id');
  return world.startTask({ node, type: 'vzreplicate', id, user: principal.name }, function* () {
    yield { wait: 5_000 };
    job.last_sync = world.seconds();
  });
}

const base = '/nodes/{node}/replication';

export const replicationRoutes: Routes = {
  'GET /cluster/replication': (call) =>
    [...call.world.state.replication].filter(([id]) => visible(call, id)).map(([id, job]) => shown(call, id, job)),
  'POST /cluster/replication': create,
  'GET /cluster/replication/{id}': (call) => shown(call, call.params.text('id'), jobOf(call)),
  'PUT /cluster/replication/{id}': update,
  'DELETE /cluster/replication/{id}': remove,
  [`GET ${base}`]: (call) =>
    [...call.world.state.replication]
      .filter(([id, job]) => job.source === call.node && visible(call, id))
      .map(([id, job]) => status(call, id, job)),
  [`GET ${base}/{id}/status`]: (call) => status(call, call.params.text('id'), jobOf(call)),
  [`GET ${base}/{id}/log`]: (call) => {
    jobOf(call);
    return new Beside([{ n: 1, t: 'no content' }], { total: 1 });
  },
  [`POST ${base}/{id}/schedule_now`]: run,
};
