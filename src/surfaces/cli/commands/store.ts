import { resolve } from 'node:path';
import { systemClock } from '../../../kernel/clock.ts';
import { readSecret } from '../../../kernel/config.ts';
import { systemIds } from '../../../kernel/ids.ts';
import { silentLogger } from '../../../kernel/log.ts';
import { copyInstallation, restoreInstallation, type KeepDeps } from '../../../record/index.ts';
import { newKeys, openPostgres, openStore } from '../../../store/index.ts';
import type { Context } from '../context.ts';
import { bytes } from '../render/values.ts';

/** A copy of the database while it is in use. The path is one on the machine where the server runs. */
export async function backup(context: Context, _options: object, file: string): Promise<void> {
  // Absolute, because the server's own folder is another one.
  const answer = await context.api.post<{ file: string; bytes: number }>('/v1/store/backup', { file: resolve(file) });
  await context.show(answer, (body) => [`Written to ${body.file} (${bytes(body.bytes)}).`]);
}

interface Local {
  readonly data?: string;
}

/** The data directory of this machine, as `serve` would take it. */
const directoryOf = ({ data }: Local, context: Context): string =>
  resolve(data ?? context.io.env['PROXMOX_AGENT_DATA'] ?? 'data');

const deps = (): KeepDeps => ({
  ids: systemIds(systemClock),
  clock: systemClock,
  log: silentLogger,
  actor: { id: 'cli', class: 'human', via: 'cli' },
});

const tell = (context: Context, report: object, lines: readonly string[]): void =>
  context.print(context.json ? JSON.stringify(report) : lines);

/** A backup becomes the database of a data directory that no server runs on. */
export async function restore(context: Context, options: Local, file: string): Promise<void> {
  const report = await restoreInstallation(resolve(file), directoryOf(options, context), deps());
  const { bytes: size, audit, replaced } = report;
  tell(context, report, [
    `Restored (${bytes(size)}); the audit log is whole: ${audit.records} records.`,
    ...(replaced === undefined ? [] : [`What was there is kept as ${replaced}.`]),
  ]);
}

/** Keys that several replicas are given as a file. Asks no server. */
export async function keys(context: Context, _options: object, file: string): Promise<void> {
  newKeys(resolve(file), systemIds(systemClock));
  tell(context, { file: resolve(file) }, [
    `Written to ${file}: give each replica a copy as keys.json of its data directory, and keep one in a safe place.`,
  ]);
}

/** Everything of a data directory into an empty PostgreSQL. The server has to be stopped. */
export async function copy(context: Context, options: Local & { readonly to: string }): Promise<void> {
  const directory = directoryOf(options, context);
  const url = readSecret(options.to, context.io.env, '--to');
  const from = openStore({ directory, clock: systemClock, log: silentLogger });
  try {
    const to = await openPostgres({ url: url.reveal(), directory, clock: systemClock, log: silentLogger });
    try {
      const report = await copyInstallation(from, to, deps());
      tell(context, report, [
        ...report.tables.map(({ table, rows }) => `${table}: ${rows}`),
        `The audit log is whole: ${report.audit.records} records.`,
        'Start the server with DATABASE_URL from now on; the old database is left as it is.',
      ]);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
