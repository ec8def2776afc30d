import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { StorageDefinition, Volume } from '../state/types.ts';
import { copyDuration, networkDuration } from '../tasks/durations.ts';
import { contentOf, isShared, kindOf, pathOf } from './kinds.ts';
import { addVolume, findVolume, storageOn } from './lookup.ts';
import { folderOf, listedFormat, normalizeFileName, wrongExtension } from './names.ts';

/** What a file of unknown origin is taken to hold. */
const DOWNLOAD_BYTES = 512 * 1024 ** 2;

interface Target {
  readonly storage: StorageDefinition;
  readonly content: string;
  readonly file: string;
  /** Where it will lie on the node. */
  readonly path: string;
}

/** Where the file goes, if this storage and name can take it. */
function targetOf(
  call: Call,
  words: { noFiles: (type: string) => string; content: (target: string) => string },
): Target {
  const { params, world, node } = call;
  const storage = storageOn(world, node, params.text('storage'));
  if (!kindOf(storage).files) throw fail(words.noFiles(storage.type));
  const content = params.text('content');
  const file = normalizeFileName(params.text('filename'));
  const wrong = wrongExtension(content, file);
  if (wrong !== undefined) throw parameterError({ filename: wrong });
  if (!contentOf(storage).includes(content)) throw fail(words.content(storage.storage));
  return { storage, content, file, path: `${pathOf(storage)}/${folderOf(content)}/${file}` };
}

/** A file of this name that is there already is overwritten. */
function store(call: Call, { storage, content, file }: Target, size: number): void {
  const volume: Volume = {
    storage: storage.storage,
    ...(isShared(storage) ? {} : { node: call.node }),
    name: `${content}/${file}`,
    size,
    used: size,
    format: listedFormat(content, file),
    content,
    ctime: call.world.seconds(),
  };
  addVolume(call.world, volume);
}

function upload(call: Call): string {
  const { params, world, node, principal, upload: sent } = call;
  const target = targetOf(call, {
    noFiles: (type) => `can't upload to storage type '${type}'`,
    content: (storage) => `storage '${storage}' does not support '${params.text('content')}' content`,
  });
  if (sent === undefined) throw fail('missing temporary file name');
  return world.startTask({ node, type: 'imgcopy', id: '', user: principal.name }, function* (task) {
    task.log(`starting file import from: ${sent.path}`);
    const expected = params.maybe('checksum');
    if (expected !== undefined) {
      const right = sent.checksum === expected.toLowerCase();
      task.log(`calculating checksum...${right ? 'OK, checksum verified' : ''}`);
      if (!right) throw fail(`checksum mismatch: got '${sent.checksum}' != expect '${expected}'`);
    }
    task.log(`target node: ${node}\ntarget file: ${target.path}\nfile size is: ${sent.size}`);
    task.log(`command: cp -- ${sent.path} ${target.path}`);
    yield { wait: copyDuration(sent.size) };
    store(call, target, sent.size);
    task.log('finished file import successfully');
  });
}

/** Documentation addresses and names that cannot exist: nothing can be fetched from there. */
const UNREACHABLE =
  /^https?:\/\/(?:[^/]*@)?(?:192\.0\.2\.\d+|198\.51\.100\.\d+|203\.0\.113\.\d+|[^/:]*\.(?:invalid|example|test))(?=[:/]|$)/i;

/** Nothing is really fetched: what is downloaded is as large as an image usually is, and what was expected. */
function download(call: Call): string {
  const { params, world, node, principal } = call;
  const { content, url } = { content: params.text('content'), url: params.text('url') };
  const target = targetOf(call, {
    noFiles: (type) => `can't upload to storage type '${type}', not a file based storage!`,
    content: (storage) => `storage '${storage}' is not configured for content-type '${content}'`,
  });
  return world.startTask({ node, type: 'download', id: target.file, user: principal.name }, function* (task) {
    if (params.has('compression') && content !== 'iso') throw fail(`decompression not supported for ${content}`);
    task.log(`downloading ${url} to ${target.path}`);
    if (findVolume(world, node, `${target.storage.storage}:${target.content}/${target.file}`) !== undefined)
      throw fail(`refusing to override existing file '${target.path}'`);
    yield { wait: 500 };
    if (UNREACHABLE.test(url)) {
      const temporary = `${target.path}.tmp_dwnl.${task.record.pid}`;
      throw fail(
        `download failed: command '/usr/bin/wget '--progress=dot:giga' -O ${temporary} ${url}' failed: exit code 4`,
      );
    }
    yield { wait: networkDuration(DOWNLOAD_BYTES) };
    if (params.has('checksum')) task.log('calculating checksum...OK, checksum verified');
    store(call, target, DOWNLOAD_BYTES);
    task.log(`download of '${url}' to '${target.path}' finished`);
  });
}

/** What lies at an address, as it is expected there. */
function metadata({ params }: Call): unknown {
  const url = params.text('url');
  const [, scheme, host = '', port, path = ''] =
    /^(https?):\/\/(?:[^/@]*@)?([^/:?#]+)(?::(\d+))?([^?#]*)/i.exec(url) ?? [];
  const at = `${host}:${port ?? (scheme?.toLowerCase() === 'http' ? '80' : '443')}`;
  if (host === '' || UNREACHABLE.test(url)) throw fail(`500 Can't connect to ${at} (Connection timed out)`);
  const filename = path.split('/').at(-1) ?? '';
  return { size: DOWNLOAD_BYTES, mimetype: 'application/octet-stream', ...(filename === '' ? {} : { filename }) };
}

const base = '/nodes/{node}/storage/{storage}';

export const uploadRoutes: Routes = {
  [`POST ${base}/upload`]: upload,
  [`POST ${base}/download-url`]: download,
  'GET /nodes/{node}/query-url-metadata': metadata,
};
