import { textOf } from '../core/text.ts';
import type { Guest } from '../state/types.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** `1536M` as bytes; undefined for what is no size. */
export function parseSize(text: string | undefined): number | undefined {
  const found = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text ?? '');
  if (found === null) return undefined;
  return Math.ceil(Number(found[1]) * (UNITS[found[2] ?? ''] ?? 1));
}

/** Bytes in the largest unit that divides them: `1G`, `1536M`, `528K`, and `0T` for nothing. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const factor = UNITS[unit] ?? 1;
    if (bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

/** `1.0 GiB` as in task logs. */
export function describeSize(bytes: number): string {
  let value = bytes;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  for (; value >= 1024 && at < units.length - 1; at++) value /= 1024;
  return `${value.toFixed(1)} ${units[at]}`;
}

/** The size of a drive as its entry in the configuration says. */
export const driveSize = (value: unknown): number => parseSize(/(?:^|,)size=([^,]+)/.exec(textOf(value))?.[1]) ?? 0;

/** Bytes; `memory` may stand as `current=512`. */
export function guestMemory({ config: { memory = 512 } }: Guest): number {
  const plain = Number(memory);
  return (Number.isNaN(plain) ? Number(/^(?:current=)?(\d+)/.exec(String(memory))?.[1] ?? 512) : plain) * 1024 ** 2;
}

/** What the lists show: cores, memory in bytes, and the size of the first boot disk. */
export function guestSize(guest: Guest): { cores: number; memory: number; disk: number } {
  const { config } = guest;
  const cores = Number(config.vcpus ?? Number(config.sockets ?? 1) * Number(config.cores ?? 1));
  return {
    cores,
    memory: guestMemory(guest),
    disk: guest.type === 'lxc' ? driveSize(config.rootfs) : bootDiskSize(guest),
  };
}

function bootDiskSize({ config }: Guest): number {
  const order = /order=([^,]*)/.exec(String(config.boot ?? ''))?.[1]?.split(';') ?? [];
  const keys = Object.keys(config).filter((key) => /^(?:ide|scsi|virtio|sata)\d+$/.test(key));
  const disks = keys.filter((key) => !/(?:^none|^cdrom|media=cdrom)/.test(String(config[key])));
  // Where an order is set, even an empty one, only that counts.
  const first = config.boot === undefined ? disks.toSorted()[0] : order.find((key) => disks.includes(key));
  return first === undefined ? 0 : driveSize(config[first]);
}
