import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { guestName } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { answering } from './agent-answering.ts';

/** What one call reads at most, bytes. */
const MAX_READ = 16 * 1024 ** 2;

const FOLDERS = new Set(
  '/ /boot /dev /etc /etc/cloud /etc/systemd /etc/systemd/system /etc/apt /etc/apt/sources.list.d /home /media /mnt /opt /proc /root /root/.ssh /run /srv /sys /tmp /usr /usr/bin /usr/local /usr/local/bin /usr/local/etc /usr/local/sbin /usr/share /var /var/lib /var/log /var/tmp'.split(
    ' ',
  ),
);

/** Files that every guest has. */
const STANDARD: Readonly<Record<string, (guest: Guest) => string>> = {
  '/etc/hostname': (guest) => `${guestName(guest)}\n`,
  '/etc/os-release': () =>
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
};

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

const isFolder = (guest: Guest, path: string): boolean =>
  FOLDERS.has(path) ||
  path === `/home/${String(guest.config.ciuser ?? '')}` ||
  Object.keys(guest.files ?? {}).some((file) => file.startsWith(`${path}/`));

/** The file as bytes; what was written by the agent comes before what is there anyway. */
function contentOf(guest: Guest, path: string): Buffer | undefined {
  const written = guest.files?.[path];
  if (written !== undefined) return Buffer.from(written, 'base64');
  const standard = STANDARD[path];
  return standard === undefined ? undefined : Buffer.from(standard(guest));
}

function read(call: Call): unknown {
  const { params } = call;
  const guest = answering(call);
  const path = params.text('file');
  if (isFolder(guest, path)) throw fail('Agent error: failed to read file: Is a directory');
  const all = contentOf(guest, path);
  if (all === undefined)
    throw fail(`Agent error: failed to open file '${path}' (mode: 'r'): No such file or directory`);
  const offset = params.maybeNumber('offset') ?? 0;
  const part = all.subarray(offset, offset + Math.min(params.maybeNumber('count') ?? MAX_READ, MAX_READ));
  return {
    content: part.toString(params.flag('decode', true) ? 'utf8' : 'base64'),
    'bytes-read': part.length,
    ...(offset + part.length < all.length ? { truncated: 1 } : {}),
  };
}

/** With `encode=0` the content is base64 already. */
function write(call: Call): null {
  const { params } = call;
  const guest = answering(call);
  const path = params.text('file');
  const words = (why: string): string => `Agent error: failed to open file '${path}' (mode: 'wb'): ${why}`;
  if (isFolder(guest, path)) throw fail(words('Is a directory'));
  if (!isFolder(guest, folderOf(path))) throw fail(words('No such file or directory'));
  const content = params.text('content');
  const encoded = params.flag('encode', true) ? Buffer.from(content, 'utf8').toString('base64') : content;
  guest.files = { ...guest.files, [path]: encoded };
  return null;
}

const base = '/nodes/{node}/qemu/{vmid}/agent';

export const guestFileRoutes: Routes = {
  [`GET ${base}/file-read`]: read,
  [`POST ${base}/file-write`]: write,
};
