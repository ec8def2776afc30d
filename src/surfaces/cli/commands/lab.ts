import type { Context } from '../context.ts';
import type { EnvironmentRow, Guest } from '../model.ts';
import { pairs, table } from '../render/table.ts';
import { bytes, cell, duration, instant, percent, show } from '../render/values.ts';

type Row = Readonly<Record<string, string | number | undefined>>;

const NOTHING = ['None.'];

export async function listEnvironments(context: Context): Promise<void> {
  const { style } = context;
  const answer = await context.api.get<{ environments: EnvironmentRow[] }>('/v1/environments');
  await context.show(answer, async ({ environments }) => {
    const notes = environments.map(({ frozen, detail }) =>
      frozen === undefined ? detail : `frozen: ${frozen.reason}`,
    );
    const rows = environments.map(({ name, status, version, nodes, guests, production, endpoint }, index) => [
      name,
      (status === 'ok' ? style.green : style.red)(status),
      version ?? '',
      cell(nodes),
      cell(guests),
      production ? 'yes' : 'no',
      [endpoint ?? ''].flat().join(', '),
      ...(notes.some(Boolean) ? [notes[index] ?? ''] : []),
    ]);
    const columns = ['NAME', 'STATUS', 'VERSION', 'NODES', 'GUESTS', 'PRODUCTION', 'ENDPOINT'];
    return orNothing(await table([...columns, ...(notes.some(Boolean) ? ['NOTE'] : [])], rows, context));
  });
}

export async function listNodes(context: Context): Promise<void> {
  const environment = await context.environment();
  const answer = await context.api.get<{ nodes: Row[] }>('/v1/nodes', { query: { environment } });
  await context.show(answer, async ({ nodes }) => {
    const rows = sorted(nodes, 'node').map(({ node, status, cpu, maxcpu, mem, maxmem, disk, maxdisk, uptime }) => [
      cell(node),
      coloured(status, context),
      share(percent(cpu as number | undefined), maxcpu),
      share(bytes(mem as number | undefined), bytes(maxmem as number | undefined)),
      share(bytes(disk as number | undefined), bytes(maxdisk as number | undefined)),
      duration(uptime as number | undefined),
    ]);
    return orNothing(await table(['NODE', 'STATUS', 'CPU', 'MEMORY', 'DISK', 'UPTIME'], rows, context));
  });
}

interface GuestFilter {
  readonly state?: string;
  readonly tag?: string;
  readonly node?: string;
}

export async function listGuests(context: Context, { state, tag, node }: GuestFilter): Promise<void> {
  const environment = await context.environment();
  const query = { environment, state, tag, node };
  const answer = await context.api.get<{ guests: Guest[] }>('/v1/inventory', { query });
  await context.show(answer, async ({ guests }) => {
    const rows = [...guests].sort((a, b) => a.vmid - b.vmid).map((guest) => guestRow(guest, context));
    return orNothing(
      await table(['GUEST', 'NAME', 'STATUS', 'NODE', 'CPU', 'MEMORY', 'TAGS'], rows, {
        width: context.width,
        style: context.style,
        flex: 6,
      }),
    );
  });
}

const tagsOf = ({ tags = '' }: Guest): string[] => tags.split(/[;, ]/).filter(Boolean);

function guestRow(guest: Guest, context: Context): string[] {
  const { type, vmid, name = '', status, node = '', cpu, maxcpu, mem, maxmem, lock, template } = guest;
  const off = status !== 'running';
  const state = template ? 'template' : coloured(status, context);
  return [
    `${type === 'lxc' ? 'ct' : 'vm'}/${vmid}`,
    name,
    lock === undefined || lock === '' ? state : `${state} (lock: ${lock})`,
    node,
    share(off ? '' : percent(cpu), maxcpu),
    share(off ? '' : bytes(mem), bytes(maxmem)),
    tagsOf(guest).join(' '),
  ];
}

export async function showStatus(context: Context, _options: object, target: string): Promise<void> {
  const environment = await context.environment();
  const answer = await context.api.get<Record<string, unknown>>('/v1/vm/status', { query: { environment, target } });
  await context.show(answer, (body) =>
    pairs(
      Object.entries(body)
        // Statistics of single devices; --json has them.
        .filter(([, value]) => typeof value !== 'object')
        .map(([name, value]) => [name, statusValue(name, value)] as const),
      context.style,
    ),
  );
}

function statusValue(name: string, value: unknown): string {
  if (typeof value !== 'number') return show(value);
  if (/^(max)?(mem|disk)$|^(free)?mem$|^memhost$|^(netin|netout|diskread|diskwrite|balloon)$/.test(name))
    return bytes(value);
  return name === 'uptime' ? duration(value) : name === 'cpu' ? percent(value) : String(value);
}

export async function listTasks(context: Context, { node }: { readonly node?: string }): Promise<void> {
  const environment = await context.environment();
  const answer = await context.api.get<{ tasks: Row[] }>('/v1/tasks', { query: { environment, node } });
  await context.show(answer, async ({ tasks }) => {
    const rows = tasks.map(({ starttime, node: where, type, id, user, status, endtime }) => [
      starttime === undefined ? '' : instant(Number(starttime) * 1000),
      cell(where),
      cell(type),
      cell(id),
      cell(user),
      status === undefined
        ? endtime === undefined
          ? context.style.cyan('running')
          : ''
        : status === 'OK'
          ? 'OK'
          : context.style.red(String(status)),
    ]);
    return orNothing(await table(['STARTED', 'NODE', 'TYPE', 'ID', 'USER', 'STATUS'], rows, context));
  });
}

const orNothing = (lines: string[]): string[] => (lines.length === 0 ? NOTHING : lines);

const share = (part: string, whole: unknown): string => (part === '' ? cell(whole) : `${part} of ${cell(whole)}`);

const sorted = (rows: readonly Row[], key: string): Row[] =>
  [...rows].sort((a, b) => String(a[key]).localeCompare(String(b[key])));

function coloured(status: unknown, { style }: Context): string {
  const text = cell(status);
  return /^(running|online)$/.test(text) ? style.green(text) : text === 'offline' ? style.red(text) : style.dim(text);
}
