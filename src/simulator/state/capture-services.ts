import { textOf } from '../core/text.ts';
import { emptyFirewall, type FirewallFile, type Rule } from '../firewall/types.ts';
import type { Service, ServiceState } from '../ha/types.ts';
import type { Capture, Row } from './capture.ts';
import { SECTION_FILES } from './section-files.ts';
import type { State } from './types.ts';

/** What services of the cluster hold: firewall, HA manager, replication, and files of nodes. */
export function addServices(state: State, capture: Capture): void {
  addFirewall(state, capture);
  addHa(state, capture);
  addSections(state, capture);
  addSdn(state, capture);
  for (const { id, ...job } of capture.rows('/cluster/replication')) state.replication.set(textOf(id), job);
  for (const [name, node] of Object.entries(state.nodes)) {
    const { timezone } = capture.row(`/nodes/${name}/time`);
    if (timezone !== undefined) node.timezone = textOf(timezone);
    if (capture.has(`/nodes/${name}/dns`)) node.dns = capture.row(`/nodes/${name}/dns`) as Record<string, string>;
    const { data: hosts } = capture.row(`/nodes/${name}/hosts`);
    if (hosts !== undefined) node.hosts = textOf(hosts);
    const { digest: _digest, ...options } = capture.row(`/nodes/${name}/config`);
    node.options = options;
  }
}

/** What is there in every cluster is not written down, and what a list works out neither. */
function addSections(state: State, capture: Capture): void {
  for (const [file, { list, key }] of Object.entries(SECTION_FILES)) {
    for (const row of capture.rows(list)) {
      const id = textOf(row[key]);
      if (row.origin === 'builtin') continue;
      const {
        digest: _digest,
        origin: _origin,
        'next-run': _next,
        ...section
      }: Row = {
        ...row,
        ...capture.row(`${list}/${id}`),
      };
      state.sections.set(`${file}/${id}`, Object.fromEntries(Object.entries(section).filter(([name]) => name !== key)));
    }
  }
}

const SDN: readonly (readonly [list: string, kind: string])[] = [
  ['/cluster/sdn/zones', 'zone'],
  ['/cluster/sdn/vnets', 'vnet'],
  ['/cluster/sdn/controllers', 'controller'],
  ['/cluster/sdn/dns', 'dns'],
  ['/cluster/sdn/ipams', 'ipam'],
];

/** What a list shows is what stands; it counts as applied as well. */
function addSdn(state: State, capture: Capture): void {
  const add = (kind: string, rows: readonly Row[], more: Row = {}): void => {
    for (const { digest: _digest, [kind]: id, ...row } of rows)
      state.sdn.staged.set(`${kind}/${textOf(id)}`, { ...row, ...more });
  };
  for (const [list, kind] of SDN) add(kind, capture.rows(list));
  for (const { vnet } of capture.rows('/cluster/sdn/vnets'))
    add('subnet', capture.rows(`/cluster/sdn/vnets/${textOf(vnet)}/subnets`), { vnet: textOf(vnet) });
  state.sdn.applied = structuredClone(state.sdn.staged);
}

/** Which file the firewall calls below a path belong to. */
const FILES: readonly (readonly [pattern: RegExp, key: (id: string) => string])[] = [
  [/^\/cluster\/firewall\/(.+)$/, () => 'cluster'],
  [/^\/nodes\/([^/]+)\/firewall\/(.+)$/, (id) => `node/${id}`],
  [/^\/nodes\/[^/]+\/(?:qemu|lxc)\/(\d+)\/firewall\/(.+)$/, (id) => `guest/${id}`],
  [/^\/cluster\/sdn\/vnets\/([^/]+)\/firewall\/(.+)$/, (id) => `vnet/${id}`],
];

function addFirewall(state: State, capture: Capture): void {
  for (const path of capture.paths()) {
    for (const [pattern, keyOf] of FILES) {
      const found = pattern.exec(path);
      if (found === null) continue;
      const key = keyOf(found[1] ?? '');
      const file = state.firewall.get(key) ?? emptyFirewall();
      state.firewall.set(key, file);
      readFile(file, capture, path, found.at(-1) ?? '');
    }
  }
}

const ruleOf = ({ pos: _pos, digest: _digest, ipversion: _version, errors: _errors, ...rule }: Row): Rule =>
  rule as Rule;

const rulesAt = (capture: Capture, path: string): Rule[] =>
  capture
    .rows(path)
    .toSorted((a, b) => Number(a.pos) - Number(b.pos))
    .map(ruleOf);

const commentOf = ({ comment }: Row): { comment?: string } =>
  comment === undefined ? {} : { comment: textOf(comment) };

function readFile(file: FirewallFile, capture: Capture, path: string, part: string): void {
  const rows = capture.rows(path);
  if (part === 'options') {
    const { digest: _digest, ...options } = capture.row(path);
    file.options = options as FirewallFile['options'];
  } else if (part === 'rules') file.rules = rulesAt(capture, path);
  else if (part === 'aliases') {
    file.aliases = rows.map((row) => ({ name: textOf(row.name), cidr: textOf(row.cidr), ...commentOf(row) }));
  } else if (part === 'ipset') {
    file.ipsets = rows.map((row) => ({
      name: textOf(row.name),
      entries: capture.rows(`${path}/${textOf(row.name)}`).map((entry) => ({
        cidr: textOf(entry.cidr),
        ...commentOf(entry),
        ...(entry.nomatch === undefined ? {} : { nomatch: Number(entry.nomatch) }),
      })),
      ...commentOf(row),
    }));
  } else if (part === 'groups') {
    file.groups = rows.map((row) => ({
      group: textOf(row.group),
      rules: rulesAt(capture, `${path}/${textOf(row.group)}`),
      ...commentOf(row),
    }));
  }
}

/** The manager's view as its status shows it; `crm_state` is missing where it has not looked yet. */
function addHa(state: State, capture: Capture): void {
  const { ha } = state;
  for (const { rule, digest: _digest, ...rest } of capture.rows('/cluster/ha/rules')) ha.rules.set(textOf(rule), rest);
  for (const row of capture.rows('/cluster/ha/status/current')) {
    if (row.type === 'master') {
      ha.master = textOf(row.node);
      ha.beats.master = Number(row.timestamp ?? 0);
    } else if (row.type === 'lrm') {
      ha.beats[textOf(row.node)] = Number(row.timestamp ?? 0);
      ha.nodes[textOf(row.node)] = state.nodes[textOf(row.node)]?.online === false ? 'unknown' : 'online';
      if (textOf(row.status).includes('(active')) ha.activeLrm.push(textOf(row.node));
    } else if (row.type === 'service' && row.crm_state !== undefined) {
      const service: Service = { node: textOf(row.node), state: textOf(row.crm_state) as ServiceState };
      ha.services.set(textOf(row.sid), service);
    }
  }
}
