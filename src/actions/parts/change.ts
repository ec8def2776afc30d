import type { Check, Effect, Target } from '../define.ts';
import { canonicalJson } from '../../kernel/canonical.ts';
import { Secret } from '../../kernel/secret.ts';
import { guestPath, readConfig, when, type Config, type Reads } from './guest.ts';

/** New values by PVE's name; undefined takes the setting away. */
export type Settings = Readonly<Record<string, string | number | Secret | undefined>>;

/** PVE echoes numbers as text and text as numbers (FACTS 15), and sorts tags (FACTS 21). */
const same = (key: string, live: unknown, wanted: unknown): boolean =>
  live === undefined || wanted === undefined ? live === wanted : normal(key, live) === normal(key, wanted);
function normal(key: string, value: unknown): string {
  if (key !== 'tags') return String(value);
  return [
    ...new Set(
      String(value)
        .toLowerCase()
        .split(/[;, ]+/)
        .filter(Boolean),
    ),
  ]
    .sort()
    .join(';');
}

/** What of `wanted` is not so yet. A secret cannot be read back, so it always counts as a change. */
export const differences = (config: Config, wanted: Settings): Settings =>
  Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => value instanceof Secret || !same(key, config[key], value)),
  );

/**
 * The one synchronous PUT that sets `settings`, guarded by the digest, so that nobody's change in between is
 * overwritten. Undo puts the old values back.
 */
export function configEffect(
  target: Target,
  title: string,
  config: Config,
  settings: Settings,
  undo?: Effect['undo'],
): Effect {
  return {
    title,
    method: 'PUT',
    path: `${guestPath(target)}/config`,
    params: { ...asParams(settings), digest: String(config['digest']) },
    runtime: { digest: `the digest of ${target.text} just before this step` },
    refresh: async (read) => {
      const now = await readConfig(read, target);
      // Only where nothing but the lock came and went; anything else is somebody's change, which the old digest refuses.
      return canonicalJson(apart(now)) === canonicalJson(apart(config)) ? { digest: String(now['digest']) } : {};
    },
    settled: async (read) => {
      const now = await readConfig(read, target);
      const asWanted = Object.keys(differences(now, withoutSecrets(settings))).length === 0;
      // A secret reads back as asterisks. The call takes effect as a whole or not at all, so where the digest has moved
      // and everything else of it is there, the secret is too.
      return asWanted && (!hasSecrets(settings) || now['digest'] !== config['digest']);
    },
    resend: 'safe',
    undo: undo ?? undoOf(target, config, settings),
  };
}

/** The settings themselves. */
function apart({ digest: _digest, lock: _lock, ...settings }: Config): Config {
  return settings;
}

function undoOf(target: Target, config: Config, settings: Settings): Effect['undo'] {
  const lost = Object.keys(settings).filter((key) => settings[key] instanceof Secret && config[key] !== undefined);
  if (lost.length > 0)
    return {
      kind: 'irreversible',
      why: `the old ${lost.join(', ')} cannot be read from Proxmox VE, so it cannot be put back`,
    };
  const old: Settings = Object.fromEntries(Object.keys(settings).map((key) => [key, config[key]]));
  return {
    kind: 'effect',
    effect: {
      title: `Put back ${Object.keys(settings).join(', ')} of ${target.text}`,
      method: 'PUT',
      path: `${guestPath(target)}/config`,
      params: asParams(old),
      settled: async (read) => Object.keys(differences(await readConfig(read, target), old)).length === 0,
      resend: 'safe',
    },
  };
}

function asParams(settings: Settings): Record<string, string | number | Secret> {
  const params: Record<string, string | number | Secret> = {};
  const gone: string[] = [];
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined) gone.push(key);
    else params[key] = value;
  }
  return gone.length === 0 ? params : { ...params, delete: gone.sort().join(',') };
}

const hasSecrets = (settings: Settings): boolean => Object.values(settings).some((value) => value instanceof Secret);
const withoutSecrets = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => !(value instanceof Secret)));

/** Postcondition: every setting reads back as wanted (a password only as present). */
export async function verifySettings({ read }: Reads, target: Target, wanted: Settings): Promise<Check[]> {
  const config = await readConfig(read, target);
  return Object.entries(wanted).map(([key, value]) => {
    const ok = value instanceof Secret ? config[key] !== undefined : same(key, config[key], value);
    return when(
      ok,
      `${key} of ${target.text}`,
      'is as planned',
      `is ${String(config[key] ?? 'not set')} instead of ${String(value ?? 'not set')}`,
    );
  });
}
