import { describe, expect, it } from 'vitest';
import { isAgentError, type AgentError } from '../../src/kernel/errors.ts';
import { readInventory } from '../../src/estate/index.ts';
import type { Fault } from '../../src/simulator/index.ts';
import { inRig, type Rig, type RigOptions } from './support.ts';

async function failure(work: () => Promise<unknown>): Promise<AgentError> {
  try {
    await work();
  } catch (error) {
    if (isAgentError(error)) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const all = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({
  match: { path: '/cluster/resources', times: 0 },
  kind,
  ...more,
});
type Row = readonly [
  what: string,
  prepare: (rig: Rig) => void | Promise<void>,
  code: AgentError['code'],
  words: RegExp,
  options?: RigOptions,
];
const OTHER = Array.from({ length: 32 }, () => 'AA').join(':');

const TROUBLE: readonly Row[] = [
  ['is down', (rig) => rig.down(), 'PVE_UNREACHABLE', /the connection was refused \(ECONNREFUSED\)/],
  [
    'is slower than the time-out',
    (rig) => rig.simulator.inject(all('delay', { delay_ms: 2_000 })),
    'PVE_UNREACHABLE',
    /got no answer: .*(150|time)/i,
    { timeouts: { read: 150 }, slow: true },
  ],
  [
    'does not know the token',
    (rig) => rig.revoke(),
    'PVE_REJECTED',
    /Proxmox VE answered 401 to GET \/cluster\/resources: /,
  ],
  [
    'forbids it',
    (rig) => rig.simulator.inject(all('status', { status: 403, message: 'Permission check failed (/vms, VM.Audit)' })),
    'PVE_REJECTED',
    /Proxmox VE answered 403 .*Permission check failed \(\/vms, VM.Audit\)/,
  ],
  [
    'breaks inside',
    (rig) => rig.simulator.inject(all('status', { status: 500, message: 'got no cluster' })),
    'PVE_REJECTED',
    /answered 500 .*got no cluster/,
  ],
  [
    'cannot reach the node',
    (rig) => rig.simulator.inject(all('status', { status: 595 })),
    'PVE_UNREACHABLE',
    /a node could not be reached by the one that was asked \(595 Connection timed out\)/,
  ],
  [
    'loses the node',
    (rig) => rig.simulator.inject(all('status', { status: 596 })),
    'PVE_UNREACHABLE',
    /\(596 Broken pipe\)/,
  ],
  [
    'cuts the connection',
    (rig) => rig.simulator.inject(all('cut-before')),
    'PVE_UNREACHABLE',
    /the connection was cut/,
  ],
  [
    'shows another certificate',
    () => {},
    'PVE_UNREACHABLE',
    /the server's certificate has the SHA-256 fingerprint [0-9A-F:]{95}, but AA:AA/,
    { fingerprint: OTHER },
  ],
];

describe.each(TROUBLE.map(([what, ...rest]) => [what, rest] as const))('when Proxmox VE %s', (_what, trouble) => {
  const [prepare, code, words, options = {}] = trouble;
  it('a read says so', () =>
    inRig(async (rig) => {
      await prepare(rig);
      const error = await failure(() => readInventory(rig.api));
      expect(error.message).toMatch(words);
      expect(error.code).toBe(code);
    }, options));

  it('a plan says so, and there is none, and nothing was sent', () =>
    inRig(async (rig) => {
      await prepare(rig);
      const life = rig.life();
      const error = await failure(() => life.plan({ action: 'vm.start', target: 'vm/301' }));
      expect(error.message).toMatch(words);
      expect(error.code).toBe(code);
      expect(await life.store.db.selectFrom('plans').select('plan_id').execute()).toEqual([]);
      await life.close();
      expect(rig.simulator.calls).toEqual([]);
    }, options));
});

it('a wrong certificate is told with both fingerprints, so that it can be compared with the node', () =>
  inRig(
    async (rig) => {
      const { details } = await failure(() => rig.api.get('/version'));
      expect(details.more).toMatchObject({
        sent: 'no',
        kind: 'tls',
        fingerprint: { seen: rig.certificate.fingerprint, expected: OTHER },
      });
    },
    { fingerprint: OTHER },
  ));

it('a read is tried again where the connection was cut once', () =>
  inRig(async (rig) => {
    rig.simulator.inject({ match: { path: '/version' }, kind: 'cut-before' });
    expect(await rig.api.get('/version')).toMatchObject({ version: expect.any(String) });
  }));
