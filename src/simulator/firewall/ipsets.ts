import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { demandDigest, fileAt, LEVELS, listDigest, changing, withDigest, type Level } from './level.ts';
import type { FirewallFile, IpSet } from './types.ts';
import { findAlias } from './verify.ts';

type Entry = IpSet['entries'][number];

const shown = (file: FirewallFile): Record<string, unknown>[] =>
  file.ipsets
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, comment }) => ({ name, ...(comment === undefined ? {} : { comment }) }));

const find = (file: FirewallFile, name: string): IpSet | undefined => file.ipsets.find((set) => set.name === name);

function demand(file: FirewallFile, name: string): IpSet {
  const set = find(file, name);
  if (set === undefined) throw fail(`no such IPSet '${name}'`);
  return set;
}

/** Without `rename` a new set; with it, that set gets this name or, where the names are equal, this comment. */
function createOrRename({ params }: Call, file: FirewallFile): void {
  const name = params.text('name');
  const from = params.maybe('rename');
  const comment = params.maybe('comment');
  if (from === undefined) {
    if (find(file, name) !== undefined) throw parameterError({ name: `IPSet '${name}' already exists` });
    file.ipsets.push({ name, entries: [], ...(comment === undefined ? {} : { comment }) });
    return;
  }
  demandDigest(params.maybe('digest'), listDigest(shown(file)));
  const set = find(file, from);
  if (set === undefined) throw parameterError({ name: `IPSet '${from}' does not exist` });
  if (from !== name && find(file, name) !== undefined)
    throw parameterError({ name: `IPSet '${name}' does already exist` });
  set.name = name;
  if (comment !== undefined) set.comment = comment;
}

function remove({ params }: Call, file: FirewallFile): void {
  const set = find(file, params.text('name'));
  if (set === undefined) return;
  if (set.entries.length > 0 && !params.flag('force')) throw fail(`IPSet '${set.name}' is not empty`);
  file.ipsets.splice(file.ipsets.indexOf(set), 1);
}

const entryOf = (set: IpSet, cidr: string): Entry | undefined => set.entries.find((entry) => entry.cidr === cidr);

function demandEntry(set: IpSet, cidr: string): Entry {
  const entry = entryOf(set, cidr);
  if (entry === undefined) throw parameterError({ cidr: 'no such IP/Network' });
  return entry;
}

function setFields(entry: Entry, { params }: Call): void {
  const comment = params.maybe('comment');
  if (comment !== undefined) entry.comment = comment;
  if (params.has('nomatch')) entry.nomatch = params.number('nomatch');
}

/** Newest first. What is no address must be an alias; that is looked up only now, so it is a 500. */
function addEntry(call: Call, file: FirewallFile): void {
  const { world, params } = call;
  const set = demand(file, params.text('name'));
  const cidr = params.text('cidr');
  if (entryOf(set, cidr) !== undefined) throw parameterError({ cidr: `address '${cidr}' already exists` });
  if (/\/0+$/.test(cidr)) throw parameterError({ cidr: 'a zero prefix is not allowed in ipset entries' });
  const named = /^(?:(?:dc|guest)\/)?[A-Za-z][A-Za-z0-9\-_]+$/.test(cidr);
  if (named && findAlias({ cluster: fileAt(world, 'cluster'), own: file }, cidr) === undefined)
    throw fail(`no such alias '${cidr}'`);
  const entry: Entry = { cidr };
  setFields(entry, call);
  set.entries.unshift(entry);
}

function updateEntry(call: Call, file: FirewallFile): void {
  const { params } = call;
  const set = demand(file, params.text('name'));
  demandDigest(params.maybe('digest'), listDigest(entries(set)));
  setFields(demandEntry(set, params.text('cidr')), call);
}

function removeEntry({ params }: Call, file: FirewallFile): void {
  const set = demand(file, params.text('name'));
  demandDigest(params.maybe('digest'), listDigest(entries(set)));
  set.entries = set.entries.filter(({ cidr }) => cidr !== params.text('cidr'));
}

const entries = (set: IpSet): Record<string, unknown>[] => set.entries.map((entry) => ({ ...entry }));

const routesOf = (level: Level): Routes => {
  const base = `${level.base}/ipset`;
  const setOf = (call: Call): IpSet => demand(fileAt(call.world, level.key(call)), call.params.text('name'));
  return {
    [`GET ${base}`]: (call) => withDigest(shown(fileAt(call.world, level.key(call)))),
    [`POST ${base}`]: changing(level, createOrRename),
    [`GET ${base}/{name}`]: (call) => withDigest(entries(setOf(call))),
    [`POST ${base}/{name}`]: changing(level, addEntry),
    [`DELETE ${base}/{name}`]: changing(level, remove),
    [`GET ${base}/{name}/{cidr}`]: (call) => ({ ...demandEntry(setOf(call), call.params.text('cidr')) }),
    [`PUT ${base}/{name}/{cidr}`]: changing(level, updateEntry),
    [`DELETE ${base}/{name}/{cidr}`]: changing(level, removeEntry),
  };
};

export const ipsetRoutes: Routes = Object.assign(
  {},
  ...LEVELS.filter(({ env }) => env !== 'host' && env !== 'vnet').map(routesOf),
) as Routes;
