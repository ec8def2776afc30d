import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { fieldsOf } from '../schema/property-string.ts';

type Job = Record<string, unknown>;

const PARSED = new Set(['prune-backups', 'fleecing', 'performance']);

function setFields(call: Call, job: Job): void {
  for (const key of splitList(call.params.maybe('delete') ?? '')) delete job[key];
  for (const [key, value] of call.params.without('id', 'delete', 'digest'))
    job[key] = PARSED.has(key) ? fieldsOf(key, String(value)) : value;
}

function jobById(call: Call): Job {
  const id = call.params.text('id');
  const job = call.world.state.backupJobs.get(id);
  if (job === undefined) throw fail(`No such job '${id}'`);
  return job;
}

/** PVE checks this inside a lock, so it comes as a 500 with the fields flattened into the text (FACTS 7). */
const demandSelection = (job: Job): void => {
  if (job.vmid === undefined && job.all === undefined && job.pool === undefined) {
    throw fail('400 Parameter verification failed.\nvmid: property is missing and it is not optional');
  }
};

export const backupJobRoutes: Routes = {
  'GET /cluster/backup': ({ world }) =>
    [...world.state.backupJobs.entries()].map(([id, job]) => ({ ...job, id, type: 'vzdump' })),
  'GET /cluster/backup/{id}': (call) => {
    const { 'next-run': _next, ...job } = jobById(call);
    return { ...job, id: call.params.text('id'), type: 'vzdump' };
  },
  'POST /cluster/backup': (call) => {
    const { backupJobs } = call.world.state;
    const id = call.params.maybe('id') ?? `backup-${call.world.uuid().slice(0, 13)}`;
    if (backupJobs.has(id)) throw fail(`Job '${id}' already exists`);
    const job: Job = { enabled: 1, mode: 'snapshot' };
    setFields(call, job);
    demandSelection(job);
    backupJobs.set(id, job);
    return null;
  },
  'PUT /cluster/backup/{id}': (call) => {
    setFields(call, jobById(call));
    return null;
  },
  'DELETE /cluster/backup/{id}': (call) => {
    jobById(call);
    call.world.state.backupJobs.delete(call.params.text('id'));
    return null;
  },
};
