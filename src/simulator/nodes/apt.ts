import { asRead } from '../core/as-read.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { textOf } from '../core/text.ts';
import { sha1 } from '../state/guests.ts';
import type { NodeState } from '../state/types.ts';

const FOLDER = '/etc/apt/sources.list.d';
const SUITE = 'trixie';

interface Standard {
  readonly handle: string;
  readonly name: string;
  readonly host: string;
}

const STANDARD: readonly Standard[] = [
  { handle: 'enterprise', name: 'Enterprise', host: 'https://enterprise.proxmox.com' },
  { handle: 'no-subscription', name: 'No-Subscription', host: 'http://download.proxmox.com' },
  { handle: 'test', name: 'Test', host: 'http://download.proxmox.com' },
];

interface Repository {
  readonly path: string;
  readonly uri: string;
  readonly component: string;
}

const fileOf = ({ handle }: Standard): string =>
  `${FOLDER}/${handle === 'enterprise' ? 'pve-enterprise' : 'proxmox'}.sources`;

const repositoryOf = (standard: Standard): Repository => ({
  path: fileOf(standard),
  uri: `${standard.host}/debian/pve`,
  component: standard.handle === 'test' ? 'pve-test' : `pve-${standard.handle}`,
});

const DEBIAN: Repository = {
  path: `${FOLDER}/debian.sources`,
  uri: 'http://deb.debian.org/debian/',
  component: 'main',
};

/** By handle, whether it is switched on; a new node has the enterprise one. */
const switches = ({ repositories = { enterprise: true } }: NodeState): Readonly<Record<string, boolean>> =>
  repositories;

const digestOf = (node: NodeState): string => sha1(JSON.stringify(switches(node)));

const shown = ({ uri, component }: Repository, enabled: boolean): unknown => ({
  Types: ['deb'],
  URIs: [uri],
  Suites: [SUITE],
  Components: [component],
  FileType: 'sources',
  Enabled: enabled ? 1 : 0,
});

/** The files with what is in each; the order is that of the indexes that switch a repository on and off. */
function files(node: NodeState): { path: string; handles: string[]; repositories: unknown[] }[] {
  const out = [{ path: DEBIAN.path, handles: [''], repositories: [shown(DEBIAN, true)] }];
  for (const [handle, enabled] of Object.entries(switches(node))) {
    const standard = STANDARD.find((one) => one.handle === handle);
    if (standard === undefined) continue;
    const repository = repositoryOf(standard);
    const known = out.find(({ path }) => path === repository.path);
    const file = known ?? { path: repository.path, handles: [], repositories: [] };
    file.handles.push(handle);
    file.repositories.push(shown(repository, enabled));
    if (known === undefined) out.push(file);
  }
  return out;
}

function list({ world, node }: Call): unknown {
  const state = world.nodeState(node);
  const on = switches(state);
  return {
    digest: digestOf(state),
    errors: [],
    infos: [],
    files: files(state).map(({ path, repositories }) => ({
      path,
      'file-type': 'sources',
      digest: [...Buffer.from(sha1(JSON.stringify(repositories)), 'hex')],
      repositories,
    })),
    'standard-repos': STANDARD.map(({ handle, name }) => {
      const enabled = on[handle];
      return { handle, name, ...(enabled === undefined ? {} : { status: enabled ? 1 : 0 }) };
    }),
  };
}

function demandDigest({ params }: Call, node: NodeState): void {
  const digest = params.maybe('digest');
  if (digest !== undefined && digest !== digestOf(node))
    throw fail('detected modified configuration - file changed by other user? Try again.');
}

/** Switches one on that is there, or writes it down. */
function add(call: Call): null {
  const node = call.world.nodeState(call.node);
  const handle = call.params.text('handle');
  demandDigest(call, node);
  if (!STANDARD.some((one) => one.handle === handle))
    throw parameterError({ handle: `unknown repository '${handle}'` });
  node.repositories = { ...switches(node), [handle]: true };
  return null;
}

function change(call: Call): null {
  const { world, params } = call;
  const node = world.nodeState(call.node);
  demandDigest(call, node);
  const handle = files(node).find(({ path }) => path === params.text('path'))?.handles[params.number('index')];
  if (handle === undefined) throw fail('no such repository');
  if (params.has('enabled') && handle !== '')
    node.repositories = { ...switches(node), [handle]: params.flag('enabled') };
  return null;
}

const PACKAGES =
  'proxmox-ve pve-manager qemu-server pve-container pve-qemu-kvm pve-cluster corosync libpve-storage-perl';

function versions({ world }: Call): unknown[] {
  const version = textOf(world.state.version.version);
  return PACKAGES.split(' ').map((name) => ({
    Package: name,
    Title: name,
    Description: name,
    Version: version,
    OldVersion: version,
    Arch: 'amd64',
    Origin: 'Proxmox',
    Section: 'admin',
    Priority: 'optional',
    CurrentState: 'Installed',
    ...(name === 'pve-manager' ? { ManagerVersion: version } : {}),
  }));
}

function refresh({ world, node, principal }: Call): string {
  return world.startTask({ node, type: 'aptupdate', id: '', user: principal.name }, function* (task) {
    task.log('starting apt-get update');
    yield { wait: 3_000 };
  });
}

const base = '/nodes/{node}/apt';

/** Packages and where they come from. Nothing is ever there to be upgraded, unless it was read. */
export const aptRoutes: Routes = {
  [`GET ${base}/update`]: asRead(() => []),
  [`POST ${base}/update`]: refresh,
  [`GET ${base}/versions`]: asRead(versions),
  [`GET ${base}/repositories`]: list,
  [`POST ${base}/repositories`]: change,
  [`PUT ${base}/repositories`]: add,
};
