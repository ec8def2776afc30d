import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { sha1 } from '../state/guests.ts';
import { kindOf } from './kinds.ts';
import { findVolume, storageById } from './lookup.ts';

/** Only a backup server can look into what it keeps; there is nothing in it here. */
function fromBackup(call: Call): unknown[] {
  const { params, world, node } = call;
  const storage = storageById(world, params.text('storage'));
  const named = params.text('volume');
  const volid = named.includes(':') ? named : `${storage.storage}:${named}`;
  if (!volid.startsWith(`${storage.storage}:`))
    throw parameterError({ volume: `storage ID mismatch (${volid.split(':')[0]} != ${storage.storage}).` });
  if (storage.type !== 'pbs') throw parameterError({ storage: 'Only PBS storages supported for file-restore.' });
  if (findVolume(world, node, volid) === undefined) throw fail(`volume '${volid}' does not exist`);
  return [];
}

function importMetadata({ params, world }: Call): never {
  const storage = storageById(world, params.text('storage'));
  throw fail(
    storage.type === 'esxi'
      ? `no such volume '${params.text('volume')}'`
      : `storage '${storage.storage}' does not support import${kindOf(storage).files ? ' of this volume' : ''}`,
  );
}

const base = '/nodes/{node}/storage/{storage}';

/** Calls of which only the form of the answer is PVE's. */
export const shapeRoutes: Routes = {
  [`GET ${base}/file-restore/list`]: fromBackup,
  [`GET ${base}/file-restore/download`]: fromBackup,
  [`GET ${base}/import-metadata`]: importMetadata,
  [`GET ${base}/identity`]: ({ params, world }) => {
    const { storage, type } = storageById(world, params.text('storage'));
    return { id: sha1(`storage ${storage}`), type };
  },
};
