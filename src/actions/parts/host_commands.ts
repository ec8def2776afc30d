import { z } from 'zod';

/** A command that `host.run` may run on a node, with typed arguments; nobody sends a command line of their own. */
export interface HostCommand {
  readonly about: string;
  readonly args: z.ZodObject;
  /** The words as the host gets them; no shell reads them. */
  readonly argv: (args: Readonly<Record<string, unknown>>) => readonly string[];
  /** Seconds after which it is ended. */
  readonly timeout: number;
}

function command<S extends z.ZodObject>(
  about: string,
  args: S,
  argv: (args: z.output<S>) => readonly string[],
  timeout = 120,
): HostCommand {
  return { about, args, timeout, argv: (given) => argv(args.parse(given)) };
}

const pool = z.strictObject({
  pool: z
    .string()
    .regex(/^[A-Za-z][\w.:-]{0,62}$/, 'must be the name of a pool')
    .describe('The ZFS pool.'),
});
const UNITS = [
  'pveproxy',
  'pvedaemon',
  'pvestatd',
  'pvescheduler',
  'spiceproxy',
  'chrony',
  'postfix',
  'smartmontools',
] as const;

/** By name. What changes which packages, networks or clusters there are has actions of its own. */
export const HOST_COMMANDS = {
  'zpool.scrub': command('Starts a scrub of a ZFS pool.', pool, (args) => ['zpool', 'scrub', args.pool]),
  'zpool.trim': command('Starts a TRIM of a ZFS pool.', pool, (args) => ['zpool', 'trim', args.pool]),
  'service.restart': command(
    'Restarts a service of the node.',
    z.strictObject({ unit: z.enum(UNITS).describe('The service.') }),
    (args) => ['systemctl', 'restart', `${args.unit}.service`],
  ),
  'disk.test': command(
    'Starts a self-test of a disk; the result is in its SMART data later.',
    z.strictObject({
      disk: z
        .string()
        .regex(/^(sd[a-z]{1,2}|nvme\d{1,2}n\d{1,2})$/, 'must be a disk such as sda or nvme0n1')
        .describe('The disk, as it stands below /dev.'),
      kind: z.enum(['short', 'long']).default('short').describe('How thorough the test is.'),
    }),
    (args) => ['smartctl', '-t', args.kind, `/dev/${args.disk}`],
  ),
  'journal.vacuum': command(
    'Removes entries of the system journal that are older than some days.',
    z.strictObject({ days: z.int().min(1).max(3650).describe('Days that are kept.') }),
    (args) => ['journalctl', `--vacuum-time=${args.days}d`],
    600,
  ),
  'filesystem.trim': command(
    'Tells the disks which blocks no file system uses any more.',
    z.strictObject({}),
    () => ['fstrim', '--all', '--quiet-unsupported'],
    1800,
  ),
} as const satisfies Readonly<Record<string, HostCommand>>;

export const HOST_COMMAND_NAMES = Object.keys(HOST_COMMANDS) as [
  keyof typeof HOST_COMMANDS,
  ...(keyof typeof HOST_COMMANDS)[],
];
