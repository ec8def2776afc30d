import { loadSchema, type Properties } from '../schema/schema.ts';
import { parsePropertyString, printPropertyString } from '../schema/property-string.ts';
import type { Config } from '../state/types.ts';

export const DRIVE = /^(?:ide[0-3]|sata[0-5]|scsi(?:[12]?\d|30)|virtio(?:\d|1[0-5])|efidisk0|tpmstate0)$/;
export const BOOTABLE = /^(?:ide|sata|scsi|virtio)\d+$/;
export const UNUSED = /^unused\d+$/;
export const NET = /^net\d+$/;

/** The options of a drive; `file` is the volume id, a path, `none` or `cdrom`. */
export type Drive = Record<string, string>;

/** The property string of a configuration key as the create call takes it. */
export function formatOf(key: string): Properties {
  const method = configMethod();
  const format = method.params[key]?.format;
  if (format === undefined) return {};
  return typeof format === 'string' ? (loadSchema().formats[format] ?? {}) : format;
}

let config: ReturnType<typeof findConfigMethod>;

/** The method that describes the keys of a VM's configuration. */
export function configMethod(): NonNullable<ReturnType<typeof findConfigMethod>> {
  config ??= findConfigMethod();
  if (config === undefined) throw new Error('the schema has no PUT /nodes/{node}/qemu/{vmid}/config');
  return config;
}

const findConfigMethod = () =>
  loadSchema().methods.find(({ method, path }) => method === 'PUT' && path === '/nodes/{node}/qemu/{vmid}/config');

export function parseDrive(key: string, value: unknown): Drive {
  const parsed = parsePropertyString(formatOf(key), String(value));
  return typeof parsed === 'string' ? { file: String(value).split(',')[0] ?? '' } : parsed;
}

/** `format` and what only a create call knows never reach the configuration. */
export function printDrive(key: string, drive: Drive): string {
  const { format: _format, 'import-from': _source, ...kept } = drive;
  return printPropertyString(formatOf(key), kept);
}

export const isCdrom = (drive: Drive): boolean =>
  drive.media === 'cdrom' || drive.file === 'cdrom' || drive.file === 'none';
export const isCloudinit = (drive: Drive): boolean =>
  /(?:[:/])vm-\d+-cloudinit(?:\.\w+)?$/.test(drive.file ?? '') || (drive.file ?? '').endsWith(':cloudinit');

/** Drives of a configuration by key, in the order in which PVE goes through them (by name). */
export function drivesOf(values: Config, withUnused = false): [string, Drive][] {
  return Object.keys(values)
    .filter((key) => DRIVE.test(key) || (withUnused && UNUSED.test(key)))
    .toSorted()
    .map((key) => [key, parseDrive(key, values[key])]);
}

/** Volume ids that a configuration refers to. */
export const volumeIds = (values: Config): string[] => {
  const out = drivesOf(values, true).map(([, { file }]) => file ?? '');
  if (values.vmstate !== undefined) out.push(String(values.vmstate));
  return out.filter((file) => file.includes(':'));
};

/** The lowest free `unusedN` (FACTS 23). */
export function freeUnused(values: Config): string {
  for (let n = 0; ; n++) if (values[`unused${n}`] === undefined) return `unused${n}`;
}

export const bootOrder = (values: Config): string[] =>
  /order=([^,]*)/
    .exec(String(values.boot ?? ''))?.[1]
    ?.split(';')
    .filter(Boolean) ?? [];

/** PVE writes an empty order as a single blank. */
export const printBootOrder = (order: readonly string[]): string =>
  order.length === 0 ? ' ' : `order=${order.join(';')}`;

/** First disk, first CD-ROM, first network card: what a new VM boots from. */
export function defaultBootOrder(values: Config): string {
  const buses = ['ide', 'scsi', 'virtio', 'sata'];
  const drives = buses.flatMap((bus) =>
    Array.from({ length: 31 }, (_, n) => `${bus}${n}`).filter((key) => values[key] !== undefined),
  );
  const disk = drives.find((key) => !isCdrom(parseDrive(key, values[key])));
  const cdrom = drives.find((key) => isCdrom(parseDrive(key, values[key])));
  const net = Array.from({ length: 32 }, (_, n) => `net${n}`).find((key) => values[key] !== undefined);
  return printBootOrder([disk, cdrom, net].filter((key) => key !== undefined));
}
