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
/** Made by PVE itself at every change or creation, or told by another field; nobody decides by them. */
const NOISE = /^(name|pending)$|(^|\.)(digest|vmgenid|smbios1|meta|uptime)$/;
/** The twin's random addresses are not the ones that PVE will make. */
const GENERATED_MAC = /BC:24:11(:[0-9A-F]{2}){3}/g;

/** The plan's diff: the twin before and after the rehearsal, object by object, sorted by name. */
export function diffObjects(before: Objects, after: Objects): ObjectChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((object) => {
    const old = before.get(object);
    const now = after.get(object);
    if (old === now) return [];
    const kind = old === undefined ? 'create' : now === undefined ? 'delete' : 'update';
    const fields = fieldChanges(flat(old), flat(now), new Set(now?.['pending'] as string[] | undefined));
    return kind === 'update' && fields.length === 0 ? [] : [{ object, kind, fields }];
  });
}

type Fields = ReadonlyMap<string, unknown>;

function fieldChanges(old: Fields, now: Fields, pending: ReadonlySet<string>): FieldChange[] {
  const names = [...new Set([...old.keys(), ...now.keys()])].filter((name) => !NOISE.test(name)).sort();
  return names.flatMap((name) => {
    const before = old.get(name) ?? null;
    const after = shown(now.get(name) ?? null, before);
    if (canonicalJson(before) === canonicalJson(after)) return [];
    return [{ name, before, after, effect: effectOf(name, pending) }];
  });
}

/** Members by dotted name; a list is one value. */
function flat(value: object | undefined, prefix = '', out = new Map<string, unknown>()): Map<string, unknown> {
  for (const [key, item] of Object.entries(value ?? {})) {
    if (item !== null && typeof item === 'object' && !Array.isArray(item))
      flat(item as object, `${prefix}${key}.`, out);
    else out.set(`${prefix}${key}`, item);
  }
  return out;
}

/** A network card that the twin added shows no address; one that was there keeps its own. */
const shown = (after: unknown, before: unknown): unknown =>
  typeof after === 'string' && before === null ? after.replace(GENERATED_MAC, '(generated)') : after;

function effectOf(name: string, pending: ReadonlySet<string>): FieldChange['effect'] {
  if (CLOUD_INIT.test(name)) return 'regenerate cloud-init';
  return pending.has(name.replace(/^config\./, '')) ? 'reboot' : 'live';
}
