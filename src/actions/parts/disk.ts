import type { Check, Effect, Target } from '../define.ts';
import { AgentError } from '../../kernel/errors.ts';
import { fail, guestPath, label, pass, readConfig, when, type Config, type Reads } from './guest.ts';

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `40G` in bytes; a bare number is bytes, as PVE reads it. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text);
  if (match === null) throw new AgentError('VALIDATION_FAILED', `"${text}" is not a size`);
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1));
}

/** The largest unit that divides it, as PVE writes sizes. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const factor = UNITS[unit] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

/** Bytes of the disk in `slot`; undefined when there is no such disk or PVE does not say. */
export function sizeOf(config: Config, slot: string): number | undefined {
  const size = /(?:^|,)size=(\d+(?:\.\d+)?[KMGT]?)/.exec(String(config[slot] ?? ''))?.[1];
  return size === undefined ? undefined : parseSize(size);
}

const MIB = 2 ** 20;

/** Bytes that `size` (`40G`, `+10G`) asks for; a fraction (`+0.1G`) counts up to a whole MiB, as images are made. */
export function wantedSize(now: number, size: string): number {
  const bytes = parseSize(size.replace(/^\+/, ''));
  const whole = size.includes('.') ? Math.ceil(bytes / MIB) * MIB : bytes;
  return size.startsWith('+') ? now + whole : whole;
}

export function checkGrowth(config: Config, target: Target, slot: string, size: string): Check {
  const now = sizeOf(config, slot);
  if (config[slot] === undefined) return fail('disk', `${label(target, config['name'])} has no ${slot}`);
  if (/media=cdrom/.test(String(config[slot])))
    return fail('disk', `${slot} is a CD drive, which has no size to change`);
  if (now === undefined) return fail('disk', `Proxmox VE does not say how large ${slot} is`);
  const wanted = wantedSize(now, size);
  return when(
    wanted >= now,
    'grow only',
    `${formatSize(now)} to ${formatSize(wanted)}`,
    `${slot} has ${formatSize(now)}; making it ${formatSize(wanted)} would cut off data, and Proxmox VE refuses it`,
  );
}

/**
 * Grows a disk. Always sent as the absolute size: a relative one sent twice would grow it twice.
 * Nothing is sent when it has that size already.
 */
export function resizeEffect(
  target: Target,
  config: Config,
  slot: string,
  bytes: number,
  undo: Effect['undo'],
): Effect {
  return {
    title: `Grow ${slot} of ${label(target, config['name'])} to ${formatSize(bytes)}`,
    method: 'PUT',
    path: `${guestPath(target)}/resize`,
    params: { disk: slot, size: formatSize(bytes) },
    task: 'resize',
    settled: async (read) => (sizeOf(await readConfig(read, target), slot) ?? 0) >= bytes,
    resend: 'safe',
    undo,
  };
}

export async function verifySize({ read }: Reads, target: Target, slot: string, atLeast: number): Promise<Check> {
  const now = sizeOf(await readConfig(read, target), slot) ?? 0;
  return now >= atLeast
    ? pass(`size of ${slot}`, formatSize(now))
    : fail(`size of ${slot}`, `${formatSize(now)} instead of ${formatSize(atLeast)}`);
}
