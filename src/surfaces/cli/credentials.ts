import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { usage } from './problem.ts';

type Env = Readonly<Record<string, string | undefined>>;

const set = (env: Env, name: string): string | undefined => (env[name] === '' ? undefined : env[name]);

/** Where `login` keeps the token. */
export function tokenFile(env: Env): string {
  const base = set(env, 'XDG_CONFIG_HOME') ?? join(set(env, 'HOME') ?? homedir(), '.config');
  return join(base, 'proxmox-agent', 'token');
}

/** The token of the environment, a file named there, or the file of `login`; undefined when there is none. */
export function findToken(env: Env): string | undefined {
  for (const name of ['PROXMOX_AGENT_TOKEN', 'PROXMOX_AGENT_BOOTSTRAP_TOKEN']) {
    const file = set(env, `${name}_FILE`);
    if (file !== undefined) return readSecretFile(file, `${name}_FILE`);
    const value = set(env, name);
    if (value !== undefined) return value;
  }
  try {
    return readFileSync(tokenFile(env), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Before a link or a code is used up for a token: whether it could be kept. Errors: a usage error that says how. */
export function requireKeepable(env: Env): void {
  const path = tokenFile(env);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, '', { mode: 0o600 });
    rmSync(`${path}.new`);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'an unknown error';
    throw usage(`The token cannot be kept in ${path} (${why}). Set XDG_CONFIG_HOME to a folder that you can write to.`);
  }
}

/** Only the user may read it, from the first byte on; a crash leaves the old file or the new one. */
export function keepToken(env: Env, token: string): string {
  const path = tokenFile(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.new`;
  writeFileSync(fresh, `${token}\n`, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, path);
  return path;
}

/** Removes what `keepToken` kept; answers where it was, undefined when there was nothing. */
export function forgetToken(env: Env): string | undefined {
  const path = tokenFile(env);
  if (!existsSync(path)) return undefined;
  rmSync(path);
  return path;
}

/** Text of a file without the newline at its end. */
export function readSecretFile(path: string, where: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch {
    throw usage(`${where}: the file ${path} cannot be read.`);
  }
}
