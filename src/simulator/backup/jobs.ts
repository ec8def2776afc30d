import { textOf } from '../core/text.ts';
import { demand } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { splitList } from '../schema/formats.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { guestName } from '../state/guests.ts';
import { nextTime, parseCalendar } from './calendar.ts';
import { backupVolumes, selectedIds } from './selection.ts';

type Job = Record<string, unknown>;

const PARSED = new Set(['prune-backups', 'fleecing', 'performance']);
const META = ['id', 'delete', 'digest', 'starttime', 'dow'];

/** Field errors found while a file is locked: a 500 with the fields flattened into the text (FACTS 7). */
const inLock = (errors: Readonly<Record<string, string>>) =>
  fail(
    `400 Parameter verification failed.\n${Object.entries(errors)
      .map(([key, text]) => `${key}: ${text}\n`)
      .join('')}`,
  );

function setFields(call: Call, job: Job): void {
  for (const [key, value] of call.params.without(...META))
    job[key] = PARSED.has(key) ? fieldsOf(key, String(value)) : value;
}

/** Jobs once had a time and weekdays; both still make a schedule. */
function scheduleOf({ params }: Call): string | undefined {
  const time = params.maybe('starttime');
  if (time === undefined) return params.maybe('schedule');
  if (params.has('schedule')) throw parameterError({ starttime: "'starttime' and 'schedule' cannot both be set" });
  const days = params.maybe('dow');
  return days === undefined ? time : `${splitList(days).join(',')} ${time}`;
}

const isSet = (value: unknown): boolean => value !== undefined && !['', '0'].includes(textOf(value));

/** Which options exclude each other, and whether any guest is named at all. */
function demandSelection(job: Job): void {
  for (const other of ['all', 'exclude', 'pool'])
    if (isSet(job[other]) && isSet(job.vmid)) throw inLock({ [other]: "option conflicts with option 'vmid'" });
  if (isSet(job.exclude) && !isSet(job.pool)) job.all = 1;
  if (!isSet(job.all) && !isSet(job.pool) && !isSet(job.vmid)) throw inLock({ vmid: 'property is missing' });
}

function demandPool(call: Call): void {
  const pool = call.params.maybe('pool');
  if (pool === undefined) return;
  if (!call.world.state.pools.has(pool)) throw fail(`pool '${pool}' does not exist`);
  demand(call, `/pool/${pool}`, ['VM.Backup']);
}

function create(call: Call): null {
  const { world, params } = call;
  const { backupJobs } = world.state;
  demandPool(call);
  const schedule = scheduleOf(call);
  if (schedule === undefined) throw parameterError({ schedule: "neither 'starttime' nor 'schedule' were set" });
  const id = params.maybe('id') ?? world.uuid();
  if (backupJobs.has(id)) throw fail(`Job '${id}' already exists`);
  const job: Job = { enabled: 1, schedule };
  setFields(call, job);
  demandSelection(job);
  backupJobs.set(id, job);
  return null;
}

const DELETABLE = new Set(['comment', 'repeat-missed', 'enabled']);

/** A new way to choose guests takes the place of the old one. */
function choose({ params }: Call, job: Job): void {
  const gone = params.has('vmid')
    ? ['all', 'exclude', 'pool']
    : params.flag('all')
      ? ['vmid', 'pool']
      : isSet(job.pool)
        ? ['vmid', 'all', 'exclude']
        : [];
  for (const key of gone) delete job[key];
}

function update(call: Call): null {
  const { world, params, method } = call;
  demandPool(call);
  const schedule = scheduleOf(call);
  if (params.without('id').length === 0) throw fail('no options specified');
  const before = world.state.backupJobs.get(params.text('id'));
  if (before === undefined) throw fail('no such vzdump job');
  const job = { ...before };
  for (const key of splitList(params.maybe('delete') ?? '')) {
    if (method.params[key] === undefined && !DELETABLE.has(key)) throw inLock({ delete: `unknown option '${key}'` });
    delete job[key];
  }
  setFields(call, job);
  if (schedule !== undefined) job.schedule = schedule;
  choose(call, job);
  demandSelection(job);
  world.state.backupJobs.set(params.text('id'), job);
  return null;
}

function remove({ world, params }: Call): null {
  const id = params.text('id');
  if (!world.state.backupJobs.delete(id)) throw inLock({ id: `No such job '${id}'` });
  return null;
}

function jobById({ world, params }: Call): Job {
  const id = params.text('id');
  const job = world.state.backupJobs.get(id);
  if (job === undefined) throw parameterError({ id: `No such job '${id}'` });
  return job;
}

/** Disabled jobs have a next time as well; only the list tells it. */
function nextRun(world: World, job: Job): { 'next-run'?: number } {
  const event = parseCalendar(textOf(job.schedule ?? ''));
  const next = event === undefined ? undefined : nextTime(event, world.now());
  return next === undefined ? {} : { 'next-run': next };
}

function list({ world }: Call): unknown[] {
  return [...world.state.backupJobs].map(([id, { 'next-run': _next, ...job }]) => ({
    ...job,
    id,
    type: 'vzdump',
    ...nextRun(world, job),
  }));
}

/** The guests of a job and their disks as a tree; a guest that is gone is a leaf of unknown type. */
function includedVolumes(call: Call): unknown {
  const { world } = call;
  const children = selectedIds(world, jobById(call)).map((vmid) => {
    const guest = world.state.guests.get(vmid);
    if (guest === undefined) return { id: vmid, type: 'unknown', leaf: 1 };
    const volumes = backupVolumes(guest).map(({ key, volid, included, reason }) => ({
      id: `${vmid}:${key}`,
      name: volid,
      included: included ? 1 : 0,
      reason,
      leaf: 1,
    }));
    return {
      id: vmid,
      type: guest.type,
      name: guestName(guest),
      children: volumes,
      leaf: volumes.length === 0 ? 1 : 0,
    };
  });
  return { children };
}

function notBackedUp({ world }: Call): unknown[] {
  const covered = new Set([...world.state.backupJobs.values()].flatMap((job) => selectedIds(world, job)));
  return [...world.state.guests.values()]
    .filter(({ vmid }) => !covered.has(vmid))
    .map((guest) => ({ vmid: guest.vmid, type: guest.type, name: guestName(guest) }));
}

export const jobRoutes: Routes = {
  'GET /cluster/backup': list,
  'POST /cluster/backup': create,
  'GET /cluster/backup/{id}': (call) => {
    const { 'next-run': _next, ...job } = jobById(call);
    return { ...job, id: call.params.text('id'), type: 'vzdump' };
  },
  'PUT /cluster/backup/{id}': update,
  'DELETE /cluster/backup/{id}': remove,
  'GET /cluster/backup/{id}/included_volumes': includedVolumes,
  'GET /cluster/backup-info/not-backed-up': notBackedUp,
};
