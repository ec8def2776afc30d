import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findAction } from '../../actions/index.ts';
import { buildGraph, inventoryOf, type Graph, type GraphEdge, type ObjectKind } from '../../estate/index.ts';
import type { PreparedRequest, Rehearsal, TraceStep } from '../../operations/index.ts';
import type { BlastRadius, Decision, Risk } from '../plan.ts';
import { blastRadius, keptRadius, proposeCategory, reachRaises, readsFor, touchedObjects } from './index.ts';
import { dependentsOf } from './reach.ts';
import { scoreOf } from './score.ts';

const KINDS: readonly ObjectKind[] = ['guest', 'service', 'node', 'storage', 'bridge', 'ha', 'pool'];
const IDS = Array.from({ length: 12 }, (_, index) => `o${index}`);
const objectsOf = (kinds: readonly ObjectKind[], tiers: readonly number[]): Graph['objects'] =>
  new Map(IDS.map((id, at) => [id, { id, kind: kinds[at] ?? 'guest', name: id, tier: tiers[at] ?? 3 }]));

const anyEdge: fc.Arbitrary<GraphEdge> = fc
  .tuple(fc.constantFrom(...IDS), fc.constantFrom(...IDS))
  .map(([from, to]) => ({ from, to, why: `${from} needs ${to}` }));
const anyGraph: fc.Arbitrary<Graph> = fc
  .tuple(
    fc.array(fc.constantFrom(...KINDS), { minLength: 12, maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 12, maxLength: 12 }),
    fc.array(anyEdge, { maxLength: 30 }),
  )
  .map(([kinds, tiers, edges]) => ({ objects: objectsOf(kinds, tiers), edges, unread: [] }));
const anyTouched = fc.subarray(IDS, { minLength: 1 });

const reached = (graph: Graph, touched: readonly string[]): string[] => [
  ...touched,
  ...dependentsOf(graph, touched).map(({ object }) => object),
];
const score = (graph: Graph, touched: readonly string[]): number => scoreOf(graph, reached(graph, touched)).score;

describe('in whatever graph', () => {
  it('what is reached is exactly what has a way to what is touched, cycles and all, and each once', () => {
    fc.assert(
      fc.property(anyGraph, anyTouched, (graph, touched) => {
        const found = reached(graph, touched);
        expect(new Set(found).size).toBe(found.length);
        const closed = new Set(touched);
        for (let grown = -1; grown !== closed.size;) {
          grown = closed.size;
          for (const { from, to } of graph.edges) if (closed.has(to)) closed.add(from);
        }
        expect(new Set(found)).toEqual(closed);
        for (const { object, by } of dependentsOf(graph, touched))
          expect(graph.edges.some(({ from, to }) => from === object && to === by)).toBe(true);
      }),
    );
  });

  it('one more edge never lowers the score', () => {
    fc.assert(
      fc.property(anyGraph, anyEdge, anyTouched, (graph, edge, touched) => {
        const more = { ...graph, edges: [...graph.edges, edge] };
        expect(score(more, touched)).toBeGreaterThanOrEqual(score(graph, touched));
        expect(score(more, IDS)).toBeGreaterThanOrEqual(score(more, touched));
      }),
    );
  });

  it('the score is from 0 to 100, the sum of its parts up to there, and the same whatever the order of the edges', () => {
    fc.assert(
      fc.property(anyGraph, anyTouched, (graph, touched) => {
        const result = scoreOf(graph, reached(graph, touched));
        const sum = result.parts.reduce((total, { points }) => total + points, 0);
        expect(result.score).toBe(Math.min(100, sum));
        const turned = { ...graph, edges: graph.edges.toReversed() };
        expect(scoreOf(turned, reached(turned, touched.toReversed()))).toEqual(result);
      }),
    );
  });
});

const ROWS = [
  ...['pve1', 'pve2'].map((node) => ({ type: 'node', node, status: 'online' })),
  { type: 'storage', storage: 'nas', node: 'pve1', shared: 1, status: 'available' },
  { type: 'qemu', vmid: 101, node: 'pve1', name: 'dns', status: 'running', tags: 'svc-dns;tier-1', pool: 'core' },
  { type: 'qemu', vmid: 102, node: 'pve1', name: 'web', status: 'running', tags: 'tier-2' },
  { type: 'lxc', vmid: 103, node: 'pve2', name: 'box', status: 'running' },
  { type: 'qemu', vmid: 9000, node: 'pve2', name: 'template', status: 'stopped', template: 1 },
];
const CAPTURE = {
  'GET /cluster/ha/resources': [{ sid: 'vm:102', state: 'started', group: 'old' }],
  'GET /cluster/ha/rules': [{ rule: 'near', type: 'node-affinity', resources: 'vm:102', nodes: 'pve1:2,pve2' }],
  'GET /cluster/replication': [{ id: '101-0', guest: 101, target: 'pve2' }],
  'GET /cluster/backup': [
    { id: 'nightly', all: 1, exclude: '103', storage: 'nas' },
    { id: 'core', pool: 'core', storage: 'nas' },
    { id: 'one', vmid: '103,104' },
  ],
  'GET /cluster/config/nodes': [{ name: 'pve1', ring0_addr: '10.0.0.1' }],
  'GET /nodes/pve1/network': [
    { iface: 'vmbr0', type: 'bridge', cidr: '10.0.0.1/24', address: '10.0.0.1', gateway: '10.0.0.254' },
    { iface: 'eno1', type: 'eth' },
  ],
  'GET /nodes/pve1/qemu/102/config': {
    scsi0: 'nas:vm-102-disk-0,size=8G',
    ide2: 'none,media=cdrom',
    net0: 'virtio=AA:BB,bridge=vmbr0,tag=20',
  },
  'GET /nodes/pve1/storage/nas/content': [
    { volid: 'nas:vm-101-disk-0', vmid: 101, content: 'images' },
    { volid: 'nas:backup/a', vmid: 103, content: 'backup' },
  ],
};
const SERVICES = [{ name: 'shop', tier: 2 as const, guests: ['vm/102', 'vm/999'], depends_on: ['dns'] }];
const graph = buildGraph(inventoryOf(ROWS), CAPTURE, SERVICES);
const edge = (from: string, to: string): string | undefined =>
  graph.edges.find((one) => one.from === from && one.to === to)?.why;

describe('the graph of a lab', () => {
  it.each([
    ['vm/101', 'node/pve1', 'it runs on pve1'],
    ['vm/101', 'pool/core', 'it is in the pool core'],
    ['service/dns', 'vm/101', 'vm/101 carries it (tag svc-dns)'],
    ['service/shop', 'vm/102', 'vm/102 carries it (configuration)'],
    ['service/shop', 'service/dns', 'it depends on dns (configuration)'],
    ['vm/102', 'ha/vm:102', 'HA keeps it started'],
    ['ha/vm:102', 'ha-rule/old', 'it is in the HA group old'],
    ['ha/vm:102', 'ha-rule/near', 'the HA rule near places it'],
    ['ha-rule/near', 'node/pve2', 'it places guests on pve2'],
    ['vm/101', 'replication/101-0', 'its replica on pve2 comes from 101-0'],
    ['replication/101-0', 'node/pve2', 'the replica is on pve2'],
    ['vm/101', 'backup-job/core', 'the backup job core backs it up'],
    ['ct/103', 'backup-job/one', 'the backup job one backs it up'],
    ['backup-job/nightly', 'storage/nas', 'it writes to nas'],
    ['vm/102', 'storage/nas', 'its scsi0 is on nas'],
    ['vm/101', 'storage/nas', 'a disk of it is on nas'],
    ['vm/102', 'bridge/pve1/vmbr0', 'its net0 is on vmbr0 of pve1'],
    ['vm/102', 'vlan/20', 'its net0 is in VLAN 20'],
    ['node/pve1', 'bridge/pve1/vmbr0', 'vmbr0 carries the corosync link of pve1'],
  ])('%s needs %s: %s', (from, to, why) => {
    expect(graph.edges).toContainEqual({ from, to, why });
  });

  it('has no edge that is not so, and none to what is not there', () => {
    expect(edge('ct/103', 'backup-job/nightly')).toBeUndefined();
    expect(edge('ct/103', 'storage/nas')).toBeUndefined();
    expect(edge('vm/102', 'backup-job/core')).toBeUndefined();
    for (const { from, to } of graph.edges) expect([from, to].every((id) => graph.objects.has(id))).toBe(true);
    expect(graph.objects.get('service/dns')).toMatchObject({ tier: 1 });
  });
});

const radius = (touched: readonly string[]): BlastRadius => {
  const all = reached(graph, touched);
  return {
    guests: [],
    services: [],
    nodes: [],
    ...scoreOf(graph, all),
    touched,
    dependents: dependentsOf(graph, touched),
  };
};
const raisesOf = (...touched: string[]): string[] =>
  reachRaises(graph, radius(touched)).map(({ to, reason }) => `${to}: ${reason}`);

describe('what the graph says about risk', () => {
  it.each([
    ['vm/101', ['high: the tier-1 service dns depends on vm/101']],
    ['vm/102', ['medium: vm/102 is managed by HA (HA keeps it started)']],
    ['ct/103', []],
  ])('of a change to %s', (touched, reasons) => {
    expect(raisesOf(touched)).toEqual(reasons);
  });

  it.each([
    ['storage/nas', 'high: 2 guests depend on storage/nas'],
    ['bridge/pve1/vmbr0', 'high: vmbr0 carries the management address of pve1'],
    ['bridge/pve1/vmbr0', 'high: vmbr0 carries the corosync link of pve1'],
    ['node/pve2', 'high: node/pve2 holds the only replica of vm/101, on pve2'],
    ['ha-rule/near', 'high: HA places guests by ha-rule/near'],
    ['node/pve1', 'high: the tier-1 service dns depends on vm/101'],
  ])('of a change to %s: %s', (touched, reason) => {
    expect(raisesOf(touched)).toContain(reason);
  });

  it('of a change that reaches far, by the score alone', () => {
    expect(raisesOf('node/pve1', 'node/pve2', 'storage/nas').at(-1)).toMatch(/^high: the blast radius is \d+ of 100$/);
  });
});

const request = (action: string, text: string): PreparedRequest => {
  const [kind = 'vm', id = ''] = text.split('/');
  const target = { kind: kind as 'vm', id, text, vmid: Number(id) || 0, node: 'pve1' };
  return { id: 'a', action: findAction(action), input: { target, params: {}, newid: 0 }, after: [] };
};
const step = (path: string): TraceStep => ({
  seq: 1,
  request: 'a',
  index: 0,
  title: 'x',
  method: 'POST',
  path,
  params: {},
  task: null,
  undo: { kind: 'none', why: 'x' },
  runtime: [],
});
const rehearsal = (paths: readonly string[], changed: readonly string[]): Rehearsal => ({
  trace: paths.map(step),
  diff: changed.map((object) => ({ object, kind: 'update', fields: [] })),
  preflight: [],
  results: {},
  seconds: 0,
});

describe('a plan touches', () => {
  it('the guests of its calls and what is different afterwards, and not what it clones from', () => {
    const clone = rehearsal(['/nodes/pve1/qemu/9000/clone'], ['vm/120', 'volume/nas:vm-120-disk-0', 'pool/core']);
    expect(touchedObjects([request('vm.clone', 'vm/9000')], clone)).toEqual(['vm/120']);
    const members = rehearsal(['/pools/core'], ['pool/core']);
    expect(touchedObjects([request('vm.start', 'vm/102')], members)).toEqual(['pool/core']);
    expect(
      touchedObjects([request('vm.reboot', 'vm/102')], rehearsal(['/nodes/pve1/qemu/102/status/reboot'], [])),
    ).toEqual(['vm/102']);
    expect(touchedObjects([request('vm.start', 'vm/102')], rehearsal([], ['vm/102']))).toEqual([]);
    expect(readsFor(['node/pve1', 'bridge/pve2/vmbr0', 'storage/nas', 'vm/1'])).toEqual({
      networks: ['pve1', 'pve2'],
      storages: ['nas'],
    });
  });

  it('and reaches what depends on that', () => {
    const one = blastRadius(
      [request('vm.reboot', 'vm/101')],
      rehearsal(['/nodes/pve1/qemu/101/status/reboot'], []),
      graph,
    );
    expect(one).toMatchObject({
      guests: ['vm/101'],
      services: ['dns', 'shop'],
      nodes: ['pve1'],
      score: 47,
      parts: [
        { part: 'guest of tier 1', count: 1, points: 10 },
        { part: 'service of tier 1', count: 1, points: 25 },
        { part: 'service of tier 2', count: 1, points: 12 },
      ],
      dependents: [
        { object: 'service/dns', by: 'vm/101' },
        { object: 'service/shop', by: 'service/dns' },
      ],
    });
  });
});

describe('the category that is proposed', () => {
  const risk = (level: Risk['level']): Risk => ({ level, base: level, why: 'it restarts', raises: [] });
  const decision = (id: string, outcome: Decision['outcome'] = 'allow'): Decision => ({
    outcome,
    approvals_required: 0,
    obligations: [],
    rules: [{ id, effect: outcome, why: 'so it is' }],
  });
  const reach = (points: number): BlastRadius => ({ guests: [], services: [], nodes: [], score: points });
  it.each([
    ['standard', risk('high'), reach(80), decision('standard.start'), 2, 'the rule standard.start approves it'],
    ['standard', risk('medium'), reach(10), decision('baseline.medium'), 0, 'every step can be undone'],
    [
      'normal',
      risk('high'),
      reach(2),
      decision('baseline.high', 'require_approval'),
      0,
      'the risk is high: it restarts',
    ],
    ['normal', risk('medium'), reach(11), decision('baseline.medium'), 0, 'the blast radius is 11'],
    ['normal', risk('medium'), reach(2), decision('baseline.medium'), 1, 'a step cannot be undone'],
  ] as const)('is %s', (proposed, level, radiusOf, decided, irreversible, words) => {
    const category = proposeCategory(level, radiusOf, decided, irreversible);
    expect(category.proposed).toBe(proposed);
    expect(category.why).toContain(words);
  });
});

it('a plan keeps two hundred dependents by name, and says how many more there are', () => {
  const dependents = Array.from({ length: 203 }, (_, index) => ({ object: `vm/${index}`, by: 'node/pve1', why: 'x' }));
  const wide: BlastRadius = { guests: [], services: [], nodes: [], score: 100, touched: ['node/pve1'], dependents };
  expect(keptRadius(wide)).toMatchObject({ dependents_omitted: 3, score: 100 });
  expect(keptRadius(wide).dependents).toHaveLength(200);
  expect(keptRadius({ ...wide, dependents: dependents.slice(3) })).not.toHaveProperty('dependents_omitted');
});
