import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { sha1 } from '../state/guests.ts';
import type { Volume } from '../state/types.ts';
import { contentOf, isShared } from '../storage/kinds.ts';
import { addVolume, storageOn } from '../storage/lookup.ts';
import { networkDuration } from '../tasks/durations.ts';

const SIZE = 130 * 1024 ** 2;

/** Container templates that can be fetched; real ones, of which there are many more. */
const TEMPLATES: readonly (readonly [name: string, os: string])[] = [
  ['debian-12-standard_12.12-1_amd64.tar.zst', 'debian-12'],
  ['debian-13-standard_13.1-2_amd64.tar.zst', 'debian-13'],
  ['ubuntu-24.04-standard_24.04-2_amd64.tar.zst', 'ubuntu-24.04'],
  ['alpine-3.22-default_20250617_amd64.tar.xz', 'alpine-3.22'],
];

const row = ([template, os]: (typeof TEMPLATES)[number]): Record<string, string> => {
  const [, name = '', version = ''] = /^(.+?)_([^_]+)_amd64/.exec(template) ?? [];
  return {
    template,
    os,
    version,
    type: 'lxc',
    package: name,
    section: 'system',
    architecture: 'amd64',
    headline: `${os} (${name.split('-').at(-1)})`,
    description: `A small system of ${os}.`,
    location: `http://download.proxmox.com/images/system/${template}`,
    source: 'https://download.proxmox.com/images',
    infopage: 'https://pve.proxmox.com/wiki/Linux_Container#pct_supported_distributions',
    sha512sum: sha1(template).padEnd(128, '0'),
  };
};

function fetchTemplate(call: Call): string {
  const { world, node, params, principal } = call;
  const template = params.text('template');
  const known = TEMPLATES.find(([name]) => name === template);
  if (known === undefined) throw parameterError({ template: 'no such template' });
  const storage = storageOn(world, node, params.text('storage'));
  if (!contentOf(storage).includes('vztmpl')) throw fail(`storage '${storage.storage}' holds no templates (vztmpl)`);
  return world.startTask({ node, type: 'download', id: '', user: principal.name }, function* (task) {
    task.log(`downloading ${row(known).location}`);
    yield { wait: networkDuration(SIZE) };
    const volume: Volume = {
      storage: storage.storage,
      ...(isShared(storage) ? {} : { node }),
      name: `vztmpl/${template}`,
      size: SIZE,
      used: SIZE,
      format: template.endsWith('.xz') ? 'txz' : 'tzst',
      content: 'vztmpl',
      ctime: world.seconds(),
    };
    addVolume(world, volume);
    task.log('download finished');
  });
}

export const templateRoutes: Routes = {
  'GET /nodes/{node}/aplinfo': () => TEMPLATES.map(row),
  'POST /nodes/{node}/aplinfo': fetchTemplate,
};
