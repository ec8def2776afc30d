import microdiff from 'microdiff';
import { canonicalJson } from '../kernel/canonical.ts';

/** Objects of the twin by name (`vm/103`, `volume/local:103/vm-103-disk-0.qcow2`), as the simulator shows them. */
export type Objects = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export interface FieldChange {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
  /** What has to happen until the guest sees it. */
  readonly effect: 'live' | 'reboot' | 'regenerate cloud-init' | 'rebuild';
}

export interface ObjectChange {
  readonly object: string;
  readonly kind: 'create' | 'update' | 'delete';
  readonly fields: readonly FieldChange[];
}

const CLOUD_INIT = /^config\.(ci[a-z]+|sshkeys|ipconfig\d+|nameserver|searchdomain)$/;
/** Made anew by PVE at every change or run; a person does not decide by them. */
const NOISE = /(^|\.)(digest|vmgenid|meta|pending|uptime)$/;

/** The plan's diff: the twin before and after the rehearsal, object by object, sorted by name. */
export function diffObjects(before: Objects, after: Objects): ObjectChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((object) => {
    const old = before.get(object);
    const now = after.get(object);
    if (old === now) return [];
    const kind = old === undefined ? 'create' : now === undefined ? 'delete' : 'update';
    const pending = new Set(Array.isArray(now?.['pending']) ? (now['pending'] as string[]) : []);
    const fields = fieldChanges(old ?? {}, now ?? {}, pending);
    return kind === 'update' && fields.length === 0 ? [] : [{ object, kind, fields }];
  });
}

function fieldChanges(old: object, now: object, pending: ReadonlySet<string>): FieldChange[] {
  const names = new Set(microdiff(old, now).map(({ path }) => fieldName(path)));
  return [...names]
    .filter((name) => !NOISE.test(name))
    .sort()
    .map((name) => ({ name, before: at(old, name), after: at(now, name), effect: effectOf(name, pending) }))
    .filter(({ before, after }) => canonicalJson(before) !== canonicalJson(after));
}

/** `config.memory` for a member of an object; a list is compared as a whole. */
function fieldName(path: readonly (string | number)[]): string {
  const list = path.findIndex((part) => typeof part === 'number');
  return (list < 0 ? path : path.slice(0, list)).join('.');
}

function at(value: unknown, name: string): unknown {
  const found = name.split('.').reduce<unknown>((here, part) => (here as Record<string, unknown> | undefined)?.[part], value);
  return found ?? null;
}

function effectOf(name: string, pending: ReadonlySet<string>): FieldChange['effect'] {
  if (CLOUD_INIT.test(name)) return 'regenerate cloud-init';
  return pending.has(name.replace(/^config\./, '')) ? 'reboot' : 'live';
}
