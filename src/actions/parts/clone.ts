import type { Check, Effect, Target, UndoEffect } from '../define.ts';
import { fail, guestPath, isTemplate, label, pass, readConfig, warn, type Config, type Reads } from './guest.ts';

export interface CloneWish {
  readonly newid: number;
  readonly name?: string | undefined;
  readonly full?: boolean | undefined;
  readonly storage?: string | undefined;
  /** Node of the new guest when it is not the source's. */
  readonly node?: string | undefined;
  readonly pool?: string | undefined;
  readonly description?: string | undefined;
  readonly snapshot?: string | undefined;
}

/** The guest that a clone makes, as a target of later effects. */
export const cloneTarget = (source: Target, wish: Pick<CloneWish, 'newid' | 'node'>): Target => ({
  kind: 'vm',
  id: String(wish.newid),
  text: `vm/${wish.newid}`,
  vmid: wish.newid,
  node: wish.node ?? source.node,
});

/**
 * Clones a guest or template. PVE refuses a VMID that is taken, so sending again never makes a second guest; and an
 * accepted call means that the number was free and is ours.
 */
export function cloneEffect(source: Target, config: Config, wish: CloneWish): Effect {
  const made = cloneTarget(source, wish);
  const { newid, name, full, storage, node, pool, description, snapshot } = wish;
  return {
    title: `Clone ${label(source, config['name'])} to ${label(made, name)}`,
    method: 'POST',
    path: `${guestPath(source)}/clone`,
    params: {
      newid,
      name,
      full: full === undefined ? undefined : Number(full),
      storage,
      target: node === source.node ? undefined : node,
      pool,
      description,
      snapname: snapshot,
    },
    task: 'qmclone',
    // A guest with our number and no task of ours could be anybody's: only an accepted call makes it ours.
    settled: async (read, started) =>
      started &&
      (await readConfig(read, made).then(
        (found) => found['lock'] === undefined,
        () => false,
      )),
    resend: 'safe',
    stoppable: true,
    creates: { vmid: newid, node: made.node },
    ...storageOf(config, storage),
    ...(isTemplate(config) ? { template: source.text } : {}),
    undo: { kind: 'effect', effect: removeEffect(made, name) },
  };
}

/** Where the copy goes: the storage that was asked for, else that of the source's first disk. */
function storageOf(config: Config, wished: string | undefined): { storage?: string } {
  const disk = Object.entries(config).find(
    ([key, value]) => /^(scsi|virtio|sata|ide)\d+$/.test(key) && !/media=cdrom/.test(String(value)),
  );
  const storage = wished ?? /^([^:,]+):/.exec(String(disk?.[1] ?? ''))?.[1];
  return storage === undefined ? {} : { storage };
}

/** Removes a guest that this operation made; `onlyOwned` keeps it from touching any other. */
function removeEffect(made: Target, name: string | undefined): UndoEffect {
  return {
    title: `Remove ${label(made, name)}`,
    method: 'DELETE',
    path: guestPath(made),
    params: { purge: 1 },
    task: 'qmdestroy',
    settled: async (read) => (await readConfig(read, made).catch(() => undefined)) === undefined,
    resend: 'safe',
    already: /does not exist/,
    onlyOwned: { vmid: made.vmid, node: made.node },
  };
}

export async function checkSource({ read }: Reads, source: Target, wish: CloneWish): Promise<Check[]> {
  const config = await readConfig(read, source);
  if (wish.full === false && !isTemplate(config)) {
    return [fail('linked clone', `${label(source, config['name'])} is not a template; only a full clone is possible`)];
  }
  const linked = wish.full === undefined ? isTemplate(config) : !wish.full;
  if (linked && wish.storage !== undefined)
    return [fail('storage', 'a linked clone stays on the storage of its template; leave `storage` out or set `full`')];
  return [
    linked
      ? warn('linked clone', 'the new guest depends on the template, which cannot be deleted while it exists')
      : pass('full clone', 'the new guest has its own disks'),
  ];
}

/** Postcondition: the guest is there, unlocked, with its name. */
export async function verifyClone({ find }: Reads, source: Target, wish: CloneWish): Promise<Check[]> {
  const made = cloneTarget(source, wish);
  const config = (await find(`${guestPath(made)}/config`)) as Config | undefined;
  if (config === undefined) return [fail(`${made.text} exists`, `it is not on ${made.node}`)];
  if (config['lock'] !== undefined)
    return [fail(`${made.text} is unlocked`, `it is locked (${String(config['lock'])})`)];
  if (wish.name !== undefined && config['name'] !== wish.name)
    return [fail(`${made.text} is named ${wish.name}`, `it is named ${String(config['name'])}`)];
  return [pass(`${made.text} exists`, `${String(config['name'] ?? '')} on ${made.node}`)];
}
