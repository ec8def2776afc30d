import type { Check, Target, UndoEffect } from '../define.ts';
import { guestPath, type Config, type Reads } from './guest.ts';

/** Snapshots by name, without PVE's pseudo entry `current` (FACTS 26); and the name of current's parent. */
export async function readSnapshots(
  read: Reads['read'],
  target: Target,
): Promise<{ names: readonly string[]; parent: string | undefined }> {
  const list = (await read(`${guestPath(target)}/snapshot`)) as readonly Config[];
  const current = list.find(({ name }) => name === 'current');
  return {
    names: list.map(({ name }) => String(name)).filter((name) => name !== 'current'),
    parent: current?.['parent'] === undefined ? undefined : String(current['parent']),
  };
}

export const hasSnapshot =
  (target: Target, name: string) =>
  async (read: Reads['read']): Promise<boolean> =>
    (await readSnapshots(read, target)).names.includes(name);

export function removeSnapshot(target: Target, name: string): UndoEffect {
  return {
    title: `Delete snapshot ${name} of ${target.text}`,
    method: 'DELETE',
    path: `${guestPath(target)}/snapshot/${name}`,
    task: 'qmdelsnapshot',
    settled: async (read) => !(await hasSnapshot(target, name)(read)),
    resend: 'safe',
    already: /snapshot '.*' does not exist/,
  };
}

export async function checkSnapshot(
  { read }: Reads,
  target: Target,
  name: string,
  expected: 'there' | 'absent',
): Promise<Check> {
  const { names } = await readSnapshots(read, target);
  const there = names.includes(name);
  const detail = there
    ? `${target.text} has a snapshot ${name}`
    : `${target.text} has no snapshot ${name}; it has ${names.join(', ') || 'none'}`;
  return { check: `snapshot ${name}`, result: there === (expected === 'there') ? 'pass' : 'fail', detail };
}
