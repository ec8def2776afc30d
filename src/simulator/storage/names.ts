/** A file that was sent along with a request. */
export interface Upload {
  /** Where PVE would have put it: `/var/tmp/pveupload-…`. */
  readonly path: string;
  readonly size: number;
  /** In hex, where a checksum was asked for. */
  readonly checksum?: string;
}

export interface ParsedName {
  readonly content: string;
  readonly format: string;
  readonly vmid?: number;
}

const ISO = /\.(?:iso|img)$/i;
const TEMPLATE = /\.tar(?:\.(?:gz|xz|zst|bz2))?$/i;
const BACKUP = /\.(?:tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?)$/;
const IMPORT = /^[a-zA-Z0-9\-.+=_]+\.(ova|qcow2|raw|vmdk)$/;
const OWNED = /^(?:vm|base|subvol|basevol)-(\d+)-/;

/** What a name on a file storage stands for; undefined when PVE cannot tell. */
function parseFileName(name: string): ParsedName | undefined {
  const image = /^(?:\d+\/\S+\/)?(\d+)\/(\S+\.(raw|qcow2|vmdk|subvol))$/.exec(name);
  if (image !== null) return { content: 'images', format: image[3] ?? 'raw', vmid: Number(image[1]) };
  const [, folder = '', file = ''] = /^([a-z]+)\/([^/]+)$/.exec(name) ?? [];
  if (folder === 'iso' && ISO.test(file)) return { content: 'iso', format: 'raw' };
  if (folder === 'vztmpl' && TEMPLATE.test(file)) return { content: 'vztmpl', format: 'raw' };
  if (folder === 'snippets') return { content: 'snippets', format: 'raw' };
  if (folder === 'import' && /\.(?:ova|ovf|qcow2|raw|vmdk)$/.test(file))
    return { content: 'import', format: file.split('.').at(-1) ?? 'raw' };
  if (folder !== 'backup' || !BACKUP.test(file)) return undefined;
  const vmid = /^vzdump-(?:openvz|lxc|qemu)-(\d+)-/.exec(file)?.[1];
  return { content: 'backup', format: 'raw', ...(vmid === undefined ? {} : { vmid: Number(vmid) }) };
}

/** What the name of a volume stands for; undefined when PVE cannot tell. */
export function parseVolname(files: boolean, name: string): ParsedName | undefined {
  if (files) return parseFileName(name);
  const backup = /^backup\/(?:vm|ct|host)\/(\d+)\//.exec(name);
  if (backup !== null) return { content: 'backup', format: 'pbs-vm', vmid: Number(backup[1]) };
  const vmid = OWNED.exec(name.split('/').at(-1) ?? '')?.[1];
  return vmid === undefined ? undefined : { content: 'images', format: 'raw', vmid: Number(vmid) };
}

/** A name as it is kept: without folders, and with nothing that a shell could trip over. */
export const normalizeFileName = (name: string): string =>
  name
    .trimEnd()
    .replace(/^.*[/\\]/s, '')
    .replaceAll(/[^a-zA-Z0-9_.-]/g, '_');

/** What is wrong with the name of a file that comes in; undefined when nothing is. */
export function wrongExtension(content: string, file: string): string | undefined {
  if (content === 'iso') return ISO.test(file) ? undefined : 'wrong file extension';
  if (content === 'vztmpl') return TEMPLATE.test(file) ? undefined : 'wrong file extension';
  return IMPORT.test(file) ? undefined : 'invalid filename or wrong extension';
}

/** The format that the list of contents shows for a file. */
export function listedFormat(content: string, file: string): string {
  if (content === 'iso') return 'iso';
  const packed = /\.tar\.(gz|xz|zst|bz2)$/i.exec(file)?.[1]?.toLowerCase();
  if (content === 'vztmpl')
    return packed === undefined ? 'tar' : ({ gz: 'tgz', xz: 'txz', zst: 'tzst', bz2: 'tbz2' }[packed] ?? 'tar');
  return file.split('.').at(-1) ?? 'raw';
}

/** The folder of a file storage that holds content of a kind. */
export const folderOf = (content: string): string =>
  ({ iso: 'template/iso', vztmpl: 'template/cache', import: 'import', backup: 'dump', snippets: 'snippets' })[
    content
  ] ?? 'images';
