import type { ActionContext, Check, Effect, Read, Target, UndoEffect } from '../define.ts';

/** What actions on guests have in common: paths, evidence, and the effects that several of them use. */
export const guestPath = ({ node, vmid }: Pick<Target, 'node' | 'vmid'>): string => `/nodes/${node}/qemu/${vmid}`;

/** A guest's settings: PVE's values are texts and numbers, unevenly (FACTS 15). */
export type Config = Readonly<Record<string, string | number | undefined>>;
export type Reads = Pick<ActionContext, 'read' | 'find'>;

export interface Status {
  readonly status: 'running' | 'stopped';
  readonly name: string;
  readonly uptime: number;
  /** Under high availability: start and stop are then requests to the HA manager (FACTS 35). */
  readonly managed: boolean;
}

interface RawStatus {
  readonly status?: string;
  readonly name?: string;
  readonly uptime?: number | string;
  readonly ha?: { readonly managed?: number | string };
}

export async function readStatus(read: Read, target: Pick<Target, 'node' | 'vmid'>): Promise<Status> {
  const raw = (await read(`${guestPath(target)}/status/current`)) as RawStatus;
  return {
    status: raw.status === 'running' ? 'running' : 'stopped',
    name: raw.name ?? '',
    uptime: Number(raw.uptime ?? 0),
    managed: Number(raw.ha?.managed ?? 0) === 1,
  };
}

/** The configuration that the next start uses, with what is pending (PVE's default view, FACTS 22). */
export const readConfig = async (read: Read, target: Pick<Target, 'node' | 'vmid'>): Promise<Config> =>
  (await read(`${guestPath(target)}/config`)) as Config;

export const isRunning =
  (target: Target) =>
  async (read: Read): Promise<boolean> =>
    (await readStatus(read, target)).status === 'running';
export const isStopped =
  (target: Target) =>
  async (read: Read): Promise<boolean> =>
    (await readStatus(read, target)).status === 'stopped';

export const isTemplate = (config: Config): boolean => Number(config['template'] ?? 0) === 1;

export const label = (target: Target, name: string | number | undefined): string =>
  name === undefined || name === '' ? target.text : `${target.text} (${name})`;

export const pass = (check: string, detail: string): Check => ({ check, result: 'pass', detail });
export const warn = (check: string, detail: string): Check => ({ check, result: 'warn', detail });
export const fail = (check: string, detail: string): Check => ({ check, result: 'fail', detail });
export const when = (ok: boolean, check: string, good: string, bad: string): Check =>
  ok ? pass(check, good) : fail(check, bad);

/** Starting again is harmless: PVE refuses to start what runs. */
export function startEffect(target: Target, status: Status, undo: Effect['undo']): Effect {
  return { ...startCall(target, status), undo };
}

export function startCall(target: Target, status: Pick<Status, 'name' | 'managed'>): UndoEffect {
  return {
    title: `Start ${label(target, status.name)}`,
    method: 'POST',
    path: `${guestPath(target)}/status/start`,
    task: status.managed ? 'hastart' : 'qmstart',
    settled: isRunning(target),
    resend: 'safe',
    already: /already running/,
  };
}

/** Pulls the plug. On a stopped guest PVE's task simply ends well (FACTS 29). */
export function stopCall(target: Target, status: Pick<Status, 'name' | 'managed'>): UndoEffect {
  return {
    title: `Stop ${label(target, status.name)}`,
    method: 'POST',
    path: `${guestPath(target)}/status/stop`,
    task: status.managed ? 'hastop' : 'qmstop',
    settled: isStopped(target),
    resend: 'safe',
  };
}

/** A guest under HA changes state some seconds after the request's task has ended (FACTS 35). */
export async function untilStatus(
  ctx: ActionContext,
  target: Target,
  wanted: Status['status'],
  timeout: number,
): Promise<void> {
  await ctx.waitUntil(
    `${target.text} to be ${wanted}`,
    async (read) => ((await readStatus(read, target)).status === wanted ? true : undefined),
    { every: 2, timeout },
  );
}

export async function notTemplate({ read }: Reads, target: Target): Promise<Check> {
  const config = await readConfig(read, target);
  return when(
    !isTemplate(config),
    'not a template',
    'the guest is not a template',
    `${label(target, config['name'])} is a template; clone it first`,
  );
}

export async function verifyStatus(
  { read }: Reads,
  target: Target,
  wanted: Status['status'],
): Promise<readonly Check[]> {
  const { status } = await readStatus(read, target);
  return [when(status === wanted, `${target.text} is ${wanted}`, `its status is ${status}`, `its status is ${status}`)];
}
