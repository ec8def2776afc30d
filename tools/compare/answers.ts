/** What both sides answered, with a task's end where one was started. */
export interface Answer {
  readonly status: number;
  readonly data?: unknown;
  readonly message?: string;
  readonly errors?: Readonly<Record<string, string>>;
  readonly task?: string;
}

/** Differs from run to run on a real cluster too. */
const VOLATILE = new Set([
  'pid',
  'uptime',
  'cpu',
  'mem',
  'memhost',
  'disk',
  'diskread',
  'diskwrite',
  'netin',
  'netout',
  'digest',
  'vmgenid',
  'ctime',
  'used',
  'avail',
  'nics',
  'blockstat',
  'running-qemu',
  'running-machine',
  'starttime',
  'endtime',
  'snaptime',
]);
const RANDOM: readonly (readonly [RegExp, string])[] = [
  [/UPID:([^:]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:]+):([^:]*):([^:]+):/g, 'UPID($1,$2,$3,$4)'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<uuid>'],
  [/\b(?:[0-9A-F]{2}:){5}[0-9A-F]{2}\b/gi, '<mac>'],
  [/\b[0-9a-f]{40}\b/g, '<digest>'],
  [/ctime=\d+/g, 'ctime=<t>'],
  [/creation-qemu=[\d.]+/g, 'creation-qemu=<v>'],
];

function comparable(value: unknown, key = ''): unknown {
  if (VOLATILE.has(key)) return '<volatile>';
  if (typeof value === 'string')
    return RANDOM.reduce((text, [pattern, word]) => text.replace(pattern, word), value).trim();
  if (Array.isArray(value))
    return value.map((item) => comparable(item)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, comparable(item, name)]));
}

/** One line for each member that differs. */
export function differences(live: Answer, twin: Answer): string[] {
  return (['status', 'message', 'errors', 'task', 'data'] as const).flatMap((member) => {
    const [theirs, ours] = [JSON.stringify(comparable(live[member])), JSON.stringify(comparable(twin[member]))];
    return theirs === ours ? [] : [`${member}: live ${theirs?.slice(0, 300)}, simulator ${ours?.slice(0, 300)}`];
  });
}
