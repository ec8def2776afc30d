/**
 * What differs from run to run besides what the recordings' own replay already leaves aside, as their README and the
 * FACTS say it: times, process ids, random salts, what lags behind, the inside of a guest, sizes of archives. Each rule
 * is for one place and keeps the rest of it compared.
 */

type Row = Record<string, unknown>;
/** Which call an answer belongs to. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
}

const DAY = '(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) [A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}';

const TEXTS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // The HA manager says when it last looked.
  [new RegExp(`, ${DAY}\\)`, 'g'), ', <time>)'],
  // PVE's temporary files carry the process id.
  [/(\.conf\.tmp\.)\d+/g, '$1<pid>'],
  // The heads of a diff carry the files' times.
  [/^((?:---|\+\+\+) \S+\t)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0000$/gm, '$1<time>'],
  // A hashed password has a random salt.
  [/\$5\$[./\w]{1,16}\$[./A-Za-z0-9]{43}/g, '$5$<salt>$<hash>'],
];

/** A text without what differs from run to run. */
export const plainText = (text: string): string =>
  TEXTS.reduce((out, [pattern, instead]) => out.replaceAll(pattern, instead), text);

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every value below, its fields by name, exchanged where `change` says so. */
function deep(value: unknown, change: (value: unknown, key: string) => unknown, key = ''): unknown {
  const changed = change(value, key);
  if (Array.isArray(changed)) return changed.map((one) => deep(one, change));
  if (!isRow(changed)) return changed;
  return Object.fromEntries(Object.entries(changed).map(([name, one]) => [name, deep(one, change, name)]));
}

const LAGGING = new Set(
  'name status hastate maxdisk maxmem maxcpu template cpu mem memhost disk diskread diskwrite netin netout uptime'.split(
    ' ',
  ),
);
/** A pool's row sums up what its guests were last said to use. */
const SUMMED = new Set(['cpu', 'maxcpu', 'mem', 'maxmem', 'uptime']);

const without = (row: Row, gone: ReadonlySet<string>): Row =>
  Object.fromEntries(Object.entries(row).filter(([key]) => !gone.has(key)));

/** Names, states and numbers of guests lag behind wherever they come from pvestatd (FACTS 41). */
function withoutLag(value: unknown): unknown {
  return deep(value, (one) => {
    if (!isRow(one)) return one;
    if (one.type === 'pool') return without(one, SUMMED);
    return one.vmid !== undefined && (one.type === 'qemu' || one.type === 'lxc') ? without(one, LAGGING) : one;
  });
}

/** Tickets are blank in the recordings; one of the right form is as good as a blank. */
const withoutTickets = (value: unknown): unknown =>
  deep(value, (one, key) => {
    if (key === 'ticket' && /^PVE:[^:]+@[^:]+:[0-9A-F]{8}::[A-Za-z0-9+/]+=*$/.test(String(one))) return '';
    return key === 'CSRFPreventionToken' && /^[0-9A-F]{8}:[A-Za-z0-9+/]+=*$/.test(String(one)) ? '' : one;
  });

/** Archives were written by another tool than PVE's. */
const withoutArchiveSize = (value: unknown): unknown =>
  deep(value, (one) =>
    isRow(one) && /:backup\/|\/dump\//.test(text(one.volid ?? one.path)) && Number(one.size) > 0
      ? { ...one, size: '<size>' }
      : one,
  );

const INSIDE = /^(?:get-osinfo|get-host-name|get-time|get-timezone|network-get-interfaces)$/;
/** Values of these fields are the guest's own; the others, such as the names of its cards, are its configuration's. */
const OWN = /^(?:ip-address|[rt]x-\w+|host-name|zone|offset)$/;
/** Not every system's os-release has them. */
const OPTIONAL = new Set(['version', 'variant', 'variant-id']);

/** What is inside a guest is compared by its form: which fields there are, and of what type. */
function withoutInside(value: unknown, command: string): unknown {
  const form = (one: unknown): string => `<${typeof one}>`;
  const isLeaf = (one: unknown): boolean => one === null || typeof one !== 'object';
  if (command === 'get-time') return deep(value, (one, key) => (key === 'result' && isLeaf(one) ? form(one) : one));
  if (command === 'get-osinfo')
    return deep(value, (one) => (isLeaf(one) ? form(one) : isRow(one) ? without(one, OPTIONAL) : one));
  return deep(value, (one, key) => (OWN.test(key) && isLeaf(one) ? form(one) : one));
}

/** PVE lists what is wrong in the order of a hash (FACTS 39); a text of several lines does so as well. */
const inOrder = (value: unknown): unknown =>
  deep(value, (one, key) =>
    key === 'errors' && isRow(one)
      ? Object.fromEntries(Object.entries(one).map(([name, text]) => [name, String(text).split('\n').toSorted()]))
      : one,
  );

/** The answer to a call without what differs from run to run, to be compared by the recordings' own rules. */
export function stable(asked: Asked, answer: unknown): unknown {
  const { method, path, body } = asked;
  let out = deep(inOrder(answer), (one, key) => {
    if (key === 'snaptime' && typeof one === 'number') return '<time>';
    return typeof one === 'string' ? plainText(one) : one;
  });
  if (path === '/cluster/resources' || path === '/pools' || path.startsWith('/pools/')) out = withoutLag(out);
  if (method === 'POST' && path === '/access/ticket') out = withoutTickets(out);
  if (/^\/nodes\/[^/]+\/storage\/[^/]+\/content/.test(path)) out = withoutArchiveSize(out);
  const [, named] = /\/agent(?:\/([^/]+))?$/.exec(path) ?? [undefined, undefined];
  const command = named ?? text(body?.command);
  return path.includes('/agent') && INSIDE.test(command) ? withoutInside(out, command) : out;
}
